// What the integration scripts call: it says which Home answered, and keeps what it was given. HOME is replaced by the script.

server ledger {
    state { ids: [number] = [], total: number = 0 }

    receive fn read(id: number) -> object { {id: id, home: "HOME"} }

    receive fn add(id: number) -> object {
        state.set("ids", state.ids.push(id))
        state.set("total", state.total + id)
        {id: id, home: "HOME"}
    }

    // Always a run-time error.
    receive fn fail() { nil.products }

    receive fn entries(first: number, count: number) -> object {
        {length: state.ids.length, total: state.total, ids: state.ids.slice(first, first + count)}
    }
}
