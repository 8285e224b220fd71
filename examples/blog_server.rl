// A blog behind the HTTP interface of one node; test_http_api.sh asks it everything.
//
//   relay blog_server.rl -server -port 8080

config { app_name: "Blog server" }

server blog_server {
    state { posts: [object] = [], next_id: number = 1 }

    // Adds a post and returns its id.
    receive fn create_post(title: string, content: string) -> number {
        set id = state.next_id
        state.set("posts", state.posts.push({id: id, title: title, content: content}))
        state.set("next_id", id + 1)
        id
    }

    // All posts, oldest first.
    receive fn get_posts() -> [object] { state.posts }

    // One post, or nil.
    receive fn get_post(id: number) { state.posts.find(fn(post) { post.id == id }) }

    // Removes a post; whether there was one.
    receive fn delete_post(id: number) -> bool {
        set kept = state.posts.filter(fn(post) { post.id != id })
        set was_there = kept.length() < state.posts.length()
        state.set("posts", kept)
        was_there
    }

    // How many posts there are, and the id of the next one.
    receive fn get_stats() -> object { {total_posts: state.posts.length(), next_id: state.next_id} }
}
