// A shop that uses a blog on another node of the federation, and copes when that node is away.
//
//   relay federated-shop.rl -node-id bob.home -connect ws://127.0.0.1:8080
//   relay call shop_service.announce '["lamp"]'          the shop writes a post at the blog
//   relay call shop_service.front_page                   and shows it

config { app_name: "Federated shop", timeout: "10s" }

struct Product { sku: string.min(1), name: string, price: number.min(0) }

// Runs an action again, but only after failures that certainly did nothing.
fn repeat_if_safe(attempts: number, action: fn() -> any) -> object {
    set left = attempts
    set outcome = {ok: false, error: nil}
    while left > 0 {
        set left = left - 1
        try {
            return {ok: true, value: action()}
        } catch e {
            set outcome = {ok: false, error: e}
            if e.executed != "no" { set left = 0 }
        }
    }
    outcome
}

fn explain(failure) {
    dispatch failure.code {
        :unknown_server: "no blog in this federation",
        :timeout: "the blog is slow today",
        :default: fn() { failure.error }
    }
}

server shop_service {
    state {
        products: [Product] = [
            Product{sku: "lamp", name: "Desk lamp", price: 24},
            Product{sku: "cable", name: "Network cable", price: 6},
        ]
    }

    // Everything on sale.
    receive fn get_products() -> [Product] { state.products }

    // The products beside the newest posts of the blog; without the blog the shop still works.
    receive fn front_page() -> object {
        set news = repeat_if_safe(3, fn() { send "blog_service" get_posts {} })
        if news.ok {
            return {
                products: state.products,
                posts: news.value.slice(0, 3).map(fn(post) { post.title }),
                note: nil
            }
        }
        {products: state.products, posts: [], note: explain(news.error)}
    }

    // Writes a post about a product. `announced` is nil if nobody knows whether the post was written: look before repeating.
    receive fn announce(sku: string) -> object {
        set product = state.products.find(fn(p) { p.sku == sku })
        if product == nil { throw {error: "unknown product", sku: sku} }
        try {
            set post = send "blog_service" create_post {
                title: "New: " + product.name,
                content: "For " + string(product.price) + " in our shop.",
                author: "the shop"
            }
            {announced: true, post: post.id}
        } catch e {
            log("warn", "announce failed:", e.error)
            {announced: if e.executed == "unknown" { nil } else { false }, why: explain(e)}
        }
    }
}
