// exchange.rl: an order book. Buyers and sellers name a price; who fits is served, the oldest first.
// Shows: structs with validators, sorting, values that do not change, messages that fail as a whole.
config { app_name: "Exchange" }

struct Order {
    id: number, side: string.regex("buy|sell"), trader: string.min(1)
    price: number.min(0.01), amount: number.min(1)
}
struct Trade { buyer: string, seller: string, price: number, amount: number }

// Would these two trade?
fn fits(order: Order, resting: Order) -> bool {
    if order.side == "buy" { resting.side == "sell" && resting.price <= order.price }
    else { resting.side == "buy" && resting.price >= order.price }
}

// The best price first; of equal prices the oldest, since sorting is stable.
fn by_price(orders, side) {
    set sign = if side == "sell" { 1 } else { -1 }
    orders.filter(fn(order) { order.side == side }).sort_by(fn(order) { order.price * sign })
}

server exchange {
    state { open: [Order] = [], trades: [Trade] = [], next_id: number = 1 }

    // Places an order. What cannot be traded at once stays in the book. An order that breaks a rule leaves no trace.
    receive fn place(side: string, trader: string, price: number, amount: number) -> [Trade] {
        set order = Order{id: state.next_id, side: side, trader: trader, price: price, amount: amount}
        state.set("next_id", order.id + 1)
        set left = order.amount
        set book = state.open
        set made = []
        for resting in by_price(book, if side == "buy" { "sell" } else { "buy" }) {
            if left > 0 && fits(order, resting) {
                set count = min(left, resting.amount)
                set left = left - count
                set made = made.push(trade(order, resting, count))
                set book = if count == resting.amount { book.remove(resting) }
                else { book.replace(resting, resting.set("amount", resting.amount - count)) }
            }
        }
        if left > 0 { set book = book.push(order.set("amount", left)) }
        state.set("open", book)
        state.set("trades", state.trades.concat(made))
        made
    }

    // The price is that of the order that was there first.
    receive fn trade(order: Order, resting: Order, amount: number) -> Trade {
        set buy = if order.side == "buy" { order } else { resting }
        set sell = if order.side == "buy" { resting } else { order }
        Trade{buyer: buy.trader, seller: sell.trader, price: resting.price, amount: amount}
    }

    receive fn cancel(id: number) -> bool {
        set rest = state.open.filter(fn(order) { order.id != id })
        set is_found = rest.length < state.open.length
        state.set("open", rest)
        is_found
    }

    // Best offers of both sides, as "amount at price".
    receive fn quotes() -> object {
        set show = fn(order) { string(order.amount) + " at " + order.price.to_fixed(2) }
        {buy: by_price(state.open, "buy").map(show), sell: by_price(state.open, "sell").map(show)}
    }

    receive fn turnover() -> number { state.trades.reduce(fn(sum, one) { sum + one.price * one.amount }, 0) }
}

// Only in an empty book: this runs at every start, and a served program keeps its orders.
if (send "exchange" turnover {}) == 0 {
    send "exchange" place {side: "sell", trader: "ann", price: 10, amount: 5}
    send "exchange" place {side: "sell", trader: "bob", price: 9.5, amount: 5}
    for done in send "exchange" place {side: "buy", trader: "cem", price: 10, amount: 7} {
        print(done.buyer, "buys", done.amount, "of", done.seller, "at", done.price.to_fixed(2))
    }
}
try { send "exchange" place {side: "buy", trader: "dan", price: 0, amount: 1} } catch e { print("refused:", e.error) }
print(send "exchange" quotes {}, "turnover", send "exchange" turnover {})
