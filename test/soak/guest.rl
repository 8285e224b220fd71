// What a Home offers that comes and goes.
server guest {
    state { count: number = 0 }

    receive fn double(of: number) -> number { of * 2 }
    receive fn count() -> number {
        state.set("count", state.count + 1)
        state.count
    }
}
