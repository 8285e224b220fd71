// Counts what it is asked to count, and who asked.
server tally {
    state { count: number = 0, marks: [string] = [] }

    receive fn add(mark: string) -> number {
        state.set("count", state.count + 1)
        state.set("marks", state.marks.push(mark))
        state.count
    }
    receive fn marks() -> [string] { state.marks }
}
