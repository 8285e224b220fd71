// A calendar that a family shares. It runs at one Home; everybody else calls it through the Main of their own.
//
//   relay examples/family-calendar/calendar.rl -node-id family.home -connect ws://127.0.0.1:8080

config { app_name: "Family calendar" }

struct Event {
    id: number,
    title: string.min(1).max(100),
    starts: datetime,
    minutes: number.min(1).max(1440),
    who: [string]
}

fn ends(event: Event) -> datetime { event.starts + event.minutes * 60 }
fn overlap(a: Event, b: Event) -> bool { a.starts < ends(b) && b.starts < ends(a) }

server family_calendar {
    state { events: [Event] = [], next_id: number = 1 }

    // Adds an event; `starts` is like 2030-07-01T18:00:00. If somebody is busy then, it is refused and nothing changes.
    receive fn add(title: string, starts: datetime, minutes: number, who: [string]) -> Event {
        set event = Event{id: state.next_id, title: title.trim(), starts: starts, minutes: minutes, who: who}
        for other in state.events {
            set busy = who.filter(fn(person) { other.who.includes(person) })
            if busy.length > 0 && overlap(event, other) {
                throw {error: busy.join(" and ") + " cannot: " + other.title, id: other.id}
            }
        }
        state.set("next_id", event.id + 1)
        state.set("events", state.events.push(event).sort_by(fn(one) { one.starts }))
        event
    }

    // What one person has to do, in order; without a name what anybody has to do.
    receive fn agenda(person: optional(string)) -> [string] {
        state.events
            .filter(fn(event) { person == nil || event.who.includes(person) })
            .map(fn(event) { event.starts.format("YYYY-MM-DD HH:mm") + " " + event.title })
    }

    // Says whether there was such an event.
    receive fn cancel(id: number) -> bool {
        set left = state.events.filter(fn(event) { event.id != id })
        set is_found = left.length < state.events.length
        state.set("events", left)
        is_found
    }
}
