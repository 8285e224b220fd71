// storage.rl: one protocol, two servers that keep it, and a program that does not care which one it talks to.
// Shows: `protocol`, `implements`, choosing a server by name at run time.
config { app_name: "Storage" }

protocol Storage {
    put(key: string, value: any) -> any
    take(key: string) -> any
    keys() -> [string]
}

// Keeps everything.
server drawer implements Storage {
    state { things: object = {} }

    receive fn put(key: string, value: any) -> any {
        state.set("things", state.things.set(key, value))
        value
    }

    receive fn take(key: string) -> any { state.things.get(key) }

    receive fn keys() -> [string] { state.things.keys() }
}

// Keeps the last three and forgets the one not touched for longest.
server shelf implements Storage {
    state { things: object = {}, order: [string] = [] }

    receive fn put(key: string, value: any) -> any {
        set order = state.order.remove(key).push(key)
        set things = state.things.set(key, value)
        if order.length > 3 {
            set things = things.remove(order.first())
            set order = order.drop_first()
        }
        state.set("things", things)
        state.set("order", order)
        value
    }

    receive fn take(key: string) -> any {
        if state.things.has(key) { state.set("order", state.order.remove(key).push(key)) }
        state.things.get(key)
    }

    receive fn keys() -> [string] { state.order }
}

// Works with anything that keeps the protocol.
fn remember(storage, letters) {
    for letter in letters { message(storage, "put", letter, letter.upper()) }
    message(storage, "take", "b")
    message(storage, "put", "e", "E")
    message(storage, "keys")
}

for storage in ["drawer", "shelf"] { print(storage, "has", remember(storage, "abcd")) }
