// A service for nodes that call each other over P2P links; test_websocket_p2p.sh starts it on three of them.
//
//   relay p2p_websocket_demo.rl -server -port 8080 -node-id node1

config { app_name: "P2P demo" }

server p2p_demo {
    state { name: string = "nobody", total: number = 0 }

    // Gives this node a name and returns it.
    receive fn set_name(name: string) -> string { state.set("name", name) }

    // The name of this node.
    receive fn name() -> string { state.name }

    // Adds to the total and returns it.
    receive fn add(n: number) -> number { state.set("total", state.total + n) }

    // The total.
    receive fn total() -> number { state.total }

    // What it was given.
    receive fn echo(value) { value }
}
