// Two communities talk to each other. The same program runs at a Home of each; `room` keeps what was said, `post` brings it to the
// rooms. A room calls nobody, so two communities that talk at the same time never wait for each other in a circle.
//
//   relay examples/community-chat/chat.rl -node-id north.home -connect ws://127.0.0.1:8080
//   relay examples/community-chat/chat.rl -node-id south.home -connect ws://127.0.0.1:8081
//   relay call post.link '["room@south.home@relay-b"]' --node north.home

config { app_name: "Community chat", timeout: "5s" }

struct Message { id: string, author: string.min(1).max(40), text: string.min(1).max(500) }

server room {
    state { messages: [Message] = [] }

    // Keeps a message. The same one twice counts once.
    receive fn hear(id: string, author: string, text: string) -> bool {
        if state.messages.any(fn(known) { known.id == id }) { return false }
        state.set("messages", state.messages.push(Message{id: id, author: author, text: text}))
        true
    }

    receive fn read() -> [string] {
        state.messages.map(fn(message) { message.author + ": " + message.text })
    }
}

server post {
    state { other: string = "", waiting: [Message] = [] }

    // Names the room that hears what is said here, as room@HOME@MAIN: by name alone any room might answer.
    receive fn link(other: string) -> string { state.set("other", other) }

    // Says something here and there. The number is how many messages wait because the other room is away.
    receive fn say(author: string, text: string) -> number {
        set message = Message{id: uuid(), author: author, text: text.trim()}
        send "room" hear { id: message.id, author: author, text: message.text }
        if state.other != "" { state.set("waiting", state.waiting.push(message)) }
        deliver()
    }

    // Sends what waits, in order, as far as it gets. What may have arrived is sent again: the room knows it by its id.
    receive fn deliver() -> number {
        while state.waiting.length > 0 {
            set next = state.waiting.first()
            try {
                send(state.other, "hear", next.id, next.author, next.text)
            } catch e {
                log("warn", "the other room does not hear us:", e.error)
                return state.waiting.length
            }
            state.set("waiting", state.waiting.drop_first())
        }
        0
    }
}
