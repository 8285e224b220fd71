// What the Homes of a soak offer: one method that only answers, and one that writes.
server steady {
    state { count: number = 0 }

    receive fn double(of: number) -> number { of * 2 }
    receive fn count() -> number {
        state.set("count", state.count + 1)
        state.count
    }
}
