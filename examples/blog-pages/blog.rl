// blog.rl
import "types.rl"
config { timeout: "20s", templates: { auto_reload: true }, persistence: { backend: "embedded", sync: "full" } }
fn excerpt(text: string, limit: number) -> string {
    if text.length <= limit { return text }
    text.slice(0, limit).trim() + "…"
}
server blog implements BlogService {
    state { posts: [Post] = [], next_id: number = 1 }
    receive fn get_posts() -> [Post] { state.posts.sort_by(fn(p) { p.created_at }).reverse() }
    receive fn get_post(id: number) -> Post {
        set post = state.posts.find(fn(p) { p.id == id })
        if post == nil { throw {error: "post not found", id: id} }
        post
    }
    receive fn create_post(title: string, content: string, tags: [string]) -> Post {
        set id = state.next_id
        state.set("next_id", id + 1)
        // an empty title breaks min(1): then the message fails and next_id is as before
        set post = Post{id: id, title: (title ?? "").trim(), content: content ?? "", tags: tags ?? [], created_at: now()}
        state.set("posts", state.posts.push(post))
        post
    }
    receive fn retitle(id: number, title: string) -> Post {
        set changed = get_post(id).set("title", title)                  // direct call of a sibling
        state.set("posts", state.posts.map(fn(p) { if p.id == id { changed } else { p } }))
        changed
    }
    receive fn get_tags() -> {string: number} {
        set found = {}
        for post in state.posts { for tag in post.tags { set found = found.set(tag, (found.get(tag) ?? 0) + 1) } }
        found
    }
}
template "index.html" from get_posts()
template "post.html" from get_post(id: number)
template "api/posts.json" from get_posts()
