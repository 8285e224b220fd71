// A page in the cloud that shows a thermometer at home. It runs on a Main Relay; the page is there also while the Home is away.
//
//   relay examples/home-sensor/page.rl -server -node-type main -node-id relay-a -port 8080

config { app_name: "At home", timeout: "3s" }

fn get_house() -> object {
    try {
        set reading = send "thermometer" latest {}
        if reading == nil { return {is_known: false, why: "nothing reported yet"} }
        {is_known: true, celsius: reading.celsius.to_fixed(1), day: send "thermometer" summary {}}
    } catch e {
        {is_known: false, why: "the house does not answer (" + e.code + ")"}
    }
}

template "index.html" from get_house()
