// types.rl
struct Post {
    id: number, title: string.min(1).max(200), content: string
    tags: [string], created_at: datetime, author: optional(string)
}
protocol BlogService { get_posts() -> [Post]; get_post(id: number) -> Post }
