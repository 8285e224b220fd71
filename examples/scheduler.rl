// scheduler.rl: appointments that do not overlap, reminders, and free time. All times are UTC.
// Shows: datetimes and what can be done with them, texts that become datetimes where a type asks for one.
config { app_name: "Scheduler" }

struct Appointment { title: string.min(1), start: datetime, minutes: number.min(5).max(480) }

fn end_of(one: Appointment) -> datetime { one.start + one.minutes * 60 }
fn overlap(a: Appointment, b: Appointment) -> bool { a.start < end_of(b) && b.start < end_of(a) }
fn shown(one: Appointment) -> string { one.start.format("DD.MM. HH:mm") + " " + one.title }

server scheduler {
    state { appointments: [Appointment] = [] }

    // Books a time; fails if something else is there already.
    receive fn book(title: string, start: datetime, minutes: number) -> Appointment {
        set wanted = Appointment{title: title, start: start, minutes: minutes ?? 60}
        set other = state.appointments.find(fn(one) { overlap(one, wanted) })
        if other != nil { throw {error: "overlaps with " + other.title, until: end_of(other)} }
        state.set("appointments", state.appointments.push(wanted).sort_by(fn(one) { one.start }))
        wanted
    }

    // What begins on the day of `day`.
    receive fn agenda(day: datetime) -> [string] {
        set date = day.format("YYYY-MM-DD")
        state.appointments.filter(fn(one) { one.start.format("YYYY-MM-DD") == date }).map(shown)
    }

    // What begins within so many minutes after `moment`, which is now if it is left out.
    receive fn due(within: number, moment: datetime) -> [string] {
        set begin = moment ?? now()
        state.appointments.filter(fn(one) { one.start >= begin && one.start - begin <= within * 60 }).map(shown)
    }

    // The first gap of so many minutes from a moment on.
    receive fn free(minutes: number, moment: datetime) -> datetime {
        set begin = moment ?? now()
        for one in state.appointments {
            if end_of(one) > begin {
                if one.start - begin >= minutes * 60 { return begin }
                set begin = end_of(one)
            }
        }
        begin
    }
}

// Only on an empty calendar: this runs at every start, and a served program keeps what was booked.
if (send "scheduler" agenda {day: 2030-05-06T00:00:00}).length == 0 {
    send "scheduler" book {title: "Dentist", start: "2030-05-06T09:30:00", minutes: 45}
    send "scheduler" book {title: "Lunch", start: 2030-05-06T12:00:00}
}
try { send "scheduler" book {title: "Call", start: "2030-05-06T12:30:00"} } catch e { print(e.error, "until", e.data.until) }
print(send "scheduler" agenda {day: 2030-05-06T00:00:00})
print("within the hour:", send "scheduler" due {within: 60, moment: 2030-05-06T09:00:00})
print("two hours free:", send "scheduler" free {minutes: 120, moment: 2030-05-06T09:00:00})
