// One method for each kind of parameter, so that arguments can be right and wrong in each way.
config { app_name: "Typed" }

server typed {
    state { last: string = "" }

    receive fn text(value: string) -> string { value }
    receive fn number(value: number) -> number { value }
    receive fn yes(value: bool) -> bool { value }
    receive fn list(value: [number]) -> number { value.length() }
    receive fn several(name: string, count: number, more: object) -> string { name }
    receive fn anything(value) -> bool { true }
    receive fn keep(name: string) -> string { state.set("last", name) }
    receive fn nothing() -> bool { true }
}
