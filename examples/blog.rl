// A small blog that lives at home and is read from anywhere in the federation.
//
//   relay blog.rl -connect ws://127.0.0.1:8080           offer it
//   relay call blog_service.get_posts                    read it
//   relay call blog_service.create_post '["Title", "Text"]'

config { app_name: "Alice's blog" }

struct Post {
    id: number
    title: string.min(1).max(200)
    content: string
    tags: [string]
}

server blog_service {
    state {
        posts: [Post] = [
            Post{
                id: 1,
                title: "Hello, federation",
                content: "This blog runs on a small machine at home.",
                tags: ["relay"]
            },
            Post{
                id: 2,
                title: "No open ports",
                content: "It only dials out, and can still be called.",
                tags: ["relay", "nat"]
            },
        ]
        next_id: number = 3
    }

    // All posts, oldest first.
    receive fn get_posts() -> [Post] { state.posts }

    // One post; throws if there is none with this id.
    receive fn get_post(id: number) -> Post {
        set post = state.posts.find(fn(p) { p.id == id })
        if post == nil { throw {error: "post not found", id: id} }
        post
    }

    // Adds a post and returns it. An empty title fails, and then nothing has changed.
    receive fn create_post(title: string, content: optional(string), tags: optional([string])) -> Post {
        set id = state.next_id
        state.set("next_id", id + 1)
        set post = Post{id: id, title: title.trim(), content: content ?? "", tags: tags ?? []}
        state.set("posts", state.posts.push(post))
        post
    }

    // How many posts bear each tag.
    receive fn get_tags() -> {string: number} {
        set found = {}
        for post in state.posts {
            for tag in post.tags { set found = found.set(tag, (found.get(tag) ?? 0) + 1) }
        }
        found
    }
}
