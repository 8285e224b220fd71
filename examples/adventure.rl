// adventure.rl: a small game. A place is a value, a command a function, the story a walk through both.
// Shows: closures, functions as values, `dispatch` on words, recursion.
config { app_name: "Adventure" }

fn place(text, ways, things) { {text: text, ways: ways, things: things} }

set world = {
    garden: place("A garden behind the house.", {north: "kitchen"}, ["apple"]),
    kitchen: place("A kitchen. It smells of bread.", {south: "garden", down: "cellar"}, ["lamp"]),
    cellar: place("A cellar.", {up: "kitchen"}, ["treasure"])
}
set is_dark = fn(game) { game.at == "cellar" && !game.bag.includes("lamp") }

fn look(game) {
    if is_dark(game) { return "It is dark. You hear your own breath." }
    set here = world.get(game.at)
    set things = here.things.filter(fn(thing) { !game.bag.includes(thing) })
    if things.length == 0 { here.text } else { here.text + " There is: " + things.join(", ") + "." }
}

fn go(game, way) {
    set next = world.get(game.at).ways.get(way)
    if next == nil { return {game: game, text: "There is no way " + way + "."} }
    set moved = game.set("at", next)
    {game: moved, text: look(moved)}
}

fn take(game, thing) {
    if is_dark(game) { return {game: game, text: "You find nothing in the dark."} }
    if !world.get(game.at).things.includes(thing) || game.bag.includes(thing) {
        return {game: game, text: "There is no " + thing + " here."}
    }
    {game: game.set("bag", game.bag.push(thing)), text: "You have the " + thing + "."}
}

// One step of the game: a command, and what it does.
fn play(game, line) {
    set words = line.lower().split(" ")
    set rest = words.slice(1).join(" ")
    dispatch words.first() {
        :look: fn() { {game: game, text: look(game)} },
        :go: fn() { go(game, rest) },
        :take: fn() { take(game, rest) },
        :bag: fn() { {game: game, text: if game.bag { game.bag.join(", ") } else { "nothing" }} },
        :default: fn(word) { {game: game, text: "I do not know how to " + word + "."} }
    }
}

// Every player has a game of their own; it goes on where they left it.
server adventure {
    state { games: {string: object} = {} }

    receive fn command(player: string, line: string) -> string {
        set step = play(state.games.get(player) ?? {at: "garden", bag: []}, line)
        state.set("games", state.games.set(player, step.game))
        step.text
    }

    receive fn has_won(player: string) -> bool {
        set game = state.games.get(player)
        game != nil && game.bag.includes("treasure")
    }
}

// A closure that remembers how many steps it took.
fn narrator(player) {
    set count = 0
    fn(line) {
        set count = count + 1
        print(string(count) + ". > " + line)
        print("   " + (send("adventure", "command", player, line)))
    }
}
set tell = narrator("ann")
for line in ["look", "go north", "dance", "go down", "take treasure", "go up", "take lamp", "go down", "take treasure"] { tell(line) }
print("won:", send "adventure" has_won {player: "ann"})
