// A thermometer at home. Something that reads the device reports to it; whoever may call asks it from anywhere.
//
//   relay examples/home-sensor/sensor.rl -node-id cellar.home -connect ws://127.0.0.1:8080

config { app_name: "Thermometer at home" }

struct Reading { celsius: number.min(-60).max(120), at: datetime }

server thermometer {
    state { readings: [Reading] = [] }

    // Keeps the last 288 readings: a day, at one in five minutes.
    receive fn report(celsius: number) -> number {
        set all = state.readings.push(Reading{celsius: celsius, at: now()})
        set kept = if all.length > 288 { all.slice(all.length - 288) } else { all }
        state.set("readings", kept)
        kept.length
    }

    receive fn latest() -> optional(Reading) { state.readings.last() }

    // Least, greatest and mean of what is kept.
    receive fn summary() -> object {
        set values = state.readings.map(fn(reading) { reading.celsius })
        if values.length == 0 { return {count: 0} }
        set total = values.reduce(fn(sum, value) { sum + value }, 0)
        {count: values.length, least: min(values), greatest: max(values), mean: total / values.length}
    }
}
