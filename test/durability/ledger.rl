// Two fields that belong together: the sum of the entries, and the entries.
struct Entry { id: number, amount: number, at: datetime, note: optional(string) }

server ledger {
    state { entries: [Entry] = [], total: number = 0, by_id: {string: number} = {} }

    receive fn add(id: number, amount: number) -> number {
        state.set("entries", state.entries.push(Entry{id: id, amount: amount, at: now(), note: "written"}))
        state.set("total", state.total + amount)
        state.set("by_id", state.by_id.set(string(id), amount))
        id
    }
    receive fn fill(first: number, count: number) -> number {
        set entries = state.entries
        set id = first
        while id < first + count {
            set entries = entries.push(Entry{id: id, amount: 0, at: now(), note: nil})
            set id = id + 1
        }
        state.set("entries", entries)
        entries.length
    }
    receive fn count() -> number { state.entries.length }
    receive fn broken() -> number { state.set("total", -1); throw "never" }
    receive fn audit(first: number) -> object {
        set sum = 0
        for entry in state.entries { set sum = sum + entry.amount }
        {total: state.total, sum: sum, keys: state.by_id.length, ids: state.entries.filter(fn(e) { e.id >= first }).map(fn(e) { e.id })}
    }
}
