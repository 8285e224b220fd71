// A list of things to do, with a page: `relay examples/todo/todo.rl -server`, then open http://127.0.0.1:8080/ (or the port shown).
config { app_name: "To do", templates: { auto_reload: true } }

struct Task { id: number, text: string.min(1).max(200), done: bool, due: optional(datetime) }

server todo {
    state { tasks: [Task] = [], next_id: number = 1 }
    receive fn get_tasks(only_open: bool) -> [Task] {
        if only_open ?? false { state.tasks.filter(fn(t) { !t.done }) } else { state.tasks }
    }
    receive fn add_task(text: string, due: optional(datetime)) -> Task {
        set task = Task{id: state.next_id, text: (text ?? "").trim(), done: false, due: due}
        state.set("next_id", task.id + 1)
        state.set("tasks", state.tasks.push(task))
        task
    }
    receive fn finish_task(id: number, done: bool) -> bool {
        state.set("tasks", state.tasks.map(fn(t) { if t.id == id { t.set("done", done ?? true) } else { t } }))
        state.tasks.any(fn(t) { t.id == id })
    }
}

fn left(tasks) { tasks.filter(fn(t) { !t.done }).length }

template "index.html" from get_tasks(only_open)
template "tasks.json" from get_tasks(only_open)
