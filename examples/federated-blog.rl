// The blog of the pair federated-blog.rl and federated-shop.rl: start each at its own Home Relay, on the same or on different
// Main Relays, and let the shop announce its products here.
//
//   relay federated-blog.rl -node-id alice.home -connect ws://127.0.0.1:8080

config { app_name: "Federated blog" }

struct Post {
    id: number,
    title: string.min(1).max(200),
    content: string,
    author: string,
    created_at: datetime
}

server blog_service {
    state { posts: [Post] = [], next_id: number = 1 }

    // Newest first.
    receive fn get_posts() -> [Post] { state.posts.reverse() }

    // One post; throws if there is none with this id.
    receive fn get_post(id: number) -> Post {
        set post = state.posts.find(fn(p) { p.id == id })
        if post == nil { throw {error: "post not found", id: id} }
        post
    }

    // Publishes a post. Who repeats a call that may have arrived asks first with find_post.
    receive fn create_post(title: string, content: optional(string), author: optional(string)) -> Post {
        set id = state.next_id
        state.set("next_id", id + 1)
        set post = Post{
            id: id,
            title: title.trim(),
            content: content ?? "",
            author: author ?? "unknown",
            created_at: now()
        }
        state.set("posts", state.posts.push(post))
        post
    }

    // The newest post with this title, or nil.
    receive fn find_post(title: string) -> optional(Post) {
        get_posts().find(fn(post) { post.title == title })
    }
}
