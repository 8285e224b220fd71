// The smallest service, for the bench.

server echo {
    // The text that came.
    receive fn echo(text: string) -> string { text }
}
