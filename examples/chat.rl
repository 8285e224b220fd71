// chat.rl: rooms, members and messages. Each server has one task: `chat` keeps the rooms, `moderator` decides what may be said.
// Shows: several servers, sends in handlers, state that is an object by key, errors that carry data.
config { app_name: "Chat" }

struct Message { from: string.min(1).max(30), text: string.min(1).max(500), number: number }
struct Room { members: [string], messages: [Message] }

server moderator {
    state { banned: [string] = ["spam"], refused: number = 0 }

    // Words nobody may say from now on.
    receive fn ban(word: string) -> [string] {
        state.set("banned", state.banned.push(word.lower()))
    }

    // Is the text fit for a room? Counts what is not.
    receive fn allows(text: string) -> bool {
        set words = text.lower().split(" ")
        set is_fine = !words.any(fn(word) { state.banned.includes(word) })
        if !is_fine { state.set("refused", state.refused + 1) }
        is_fine
    }

    receive fn refused() -> number { state.refused }
}

server chat {
    state { rooms: {string: Room} = {} }

    // Enters a room, which is made when the first one comes.
    receive fn join(room: string, user: string) -> [string] {
        set found = state.rooms.get(room) ?? Room{members: [], messages: []}
        if found.members.includes(user) { return found.members }
        set entered = found.set("members", found.members.push(user))
        state.set("rooms", state.rooms.set(room, entered))
        entered.members
    }

    receive fn leave(room: string, user: string) -> [string] {
        set found = room_named(room)
        set left = found.set("members", found.members.remove(user))
        state.set("rooms", state.rooms.set(room, left))
        left.members
    }

    // Says something to all in a room; the number of the message is its place there.
    receive fn say(room: string, user: string, text: string) -> Message {
        set found = room_named(room)
        if !found.members.includes(user) { throw {error: user + " is not in " + room, room: room} }
        if !(send "moderator" allows {text: text}) { throw {error: "please be kind", text: text} }
        set message = Message{from: user, text: text, number: found.messages.length + 1}
        state.set("rooms", state.rooms.set(room, found.set("messages", found.messages.push(message))))
        message
    }

    // What was said since message number `after`.
    receive fn read(room: string, after: number) -> [Message] {
        room_named(room).messages.slice(after ?? 0)
    }

    receive fn room_named(room: string) -> Room {
        set found = state.rooms.get(room)
        if found == nil { throw {error: "no such room", room: room} }
        found
    }

    // How many are in each room.
    receive fn overview() -> {string: number} {
        set counts = {}
        for room in state.rooms { set counts = counts.set(room, state.rooms.get(room).members.length) }
        counts
    }
}

// A short conversation, so that the file shows something when it is run. A kept chat goes on where it ended.
fn told(message) { message.from + ": " + message.text }
send "chat" join {room: "garden", user: "ann"}
send "chat" join {room: "garden", user: "bob"}
send "chat" say {room: "garden", user: "ann", text: "The beans are up."}
try { send "chat" say {room: "garden", user: "bob", text: "Buy SPAM now"} } catch e { print("refused:", e.error) }
try { send "chat" say {room: "garden", user: "eve", text: "Hello"} } catch e { print("refused:", e.error) }
send "chat" say {room: "garden", user: "bob", text: "Mine too!"}
print((send "chat" read {room: "garden"}).map(told).join(" | "))
print(send "chat" overview {}, "refused by the moderator:", send "moderator" refused {})
