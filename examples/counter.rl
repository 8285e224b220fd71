// A counter: state that survives restarts, dispatch, datetimes and a closure.
//
//   relay counter.rl                                     run it once
//   relay counter.rl -connect ws://127.0.0.1:8080        offer it to a federation
//   relay call counter.increment '{"by": 5}'             and count

config { app_name: "Counter" }

fn describe(n) {
    dispatch n { 0: "never", 1: "once", :default: fn(count) { string(count) + " times" } }
}

server counter {
    state { count: number = 0, history: [object] = [] }

    // The count.
    receive fn get_count() -> number { state.count }

    // Adds to the count and remembers when.
    receive fn increment(by: optional(number)) -> number {
        set step = by ?? 1
        if step <= 0 { throw {error: "the step must be positive", step: step} }
        state.set("history", state.history.push({at: now(), by: step}))
        state.set("count", state.count + step)
    }

    // The steps of the last minutes, an hour without an argument.
    receive fn recent(minutes: optional(number)) -> [number] {
        set since = now() - (minutes ?? 60) * 60
        state.history.filter(fn(step) { step.at > since }).map(fn(step) { step.by })
    }
}

// A closure keeps what it captured: each call continues where the last one ended.
fn make_steps(width) { set used = 0; fn() { set used = used + width } }
set next_step = make_steps(5)
next_step()
print("second step:", next_step())

// A refused message leaves no trace in the state.
try { send "counter" increment { by: -1 } } catch e { print("refused:", e.error) }
print("counted", describe(send "counter" get_count {}))
