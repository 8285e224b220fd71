// One of two instances of the same service: start blog1.rl and blog2.rl at one Main Relay and call blog_service.get_posts a few
// times. The title tells which instance answered.
//
//   relay blog2.rl -node-id alice2.home -connect ws://127.0.0.1:8080

config { app_name: "Blog, instance 2" }

struct Post { id: number, title: string, content: string }

server blog_service {
    state { posts: [Post] = [Post{id: 1, title: "From instance 2", content: "Either instance may answer."}] }

    // All posts of this instance.
    receive fn get_posts() -> [Post] { state.posts }

    // One post; throws if there is none with this id.
    receive fn get_post(id: number) -> Post {
        set post = state.posts.find(fn(p) { p.id == id })
        if post == nil { throw {error: "post not found", id: id} }
        post
    }

    // Adds a post to this instance only: instances share a name, not their state.
    receive fn create_post(title: string, content: optional(string)) -> Post {
        set post = Post{id: state.posts.length + 1, title: title, content: content ?? ""}
        state.set("posts", state.posts.push(post))
        post
    }
}
