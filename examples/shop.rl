// A corner shop on another node. It sells from its own state and shows what the blog writes, wherever that blog runs.
//
//   relay shop.rl -connect ws://127.0.0.1:8080
//   relay call shop_service.get_products
//   relay call shop_service.get_news                     the shop calls the blog

config { app_name: "Corner shop", timeout: "10s" }

struct Product { sku: string.min(1), name: string, price: number.min(0), stock: number.min(0) }
struct Order { sku: string, count: number, total: number }

server shop_service {
    state {
        products: [Product] = [
            Product{sku: "lamp", name: "Desk lamp", price: 24, stock: 5},
            Product{sku: "cable", name: "Network cable", price: 6, stock: 40},
        ]
    }

    // Everything on sale.
    receive fn get_products() -> [Product] { state.products }

    // Takes goods from the stock. Too many breaks the stock's min(0): then the message fails and nothing has changed.
    receive fn buy(sku: string, count: optional(number)) -> Order {
        set product = state.products.find(fn(p) { p.sku == sku })
        if product == nil { throw {error: "unknown product", sku: sku} }
        set wanted = max(1, count ?? 1)
        set left = product.set("stock", product.stock - wanted)
        state.set("products", state.products.replace(product, left))
        Order{sku: sku, count: wanted, total: wanted * product.price}
    }

    // The titles of the blog, and where the call failed, why.
    receive fn get_news() -> object {
        try {
            set posts = send "blog_service" get_posts {}
            {available: true, titles: posts.map(fn(post) { post.title })}
        } catch e {
            {available: false, why: e.error}
        }
    }
}
