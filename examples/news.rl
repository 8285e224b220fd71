// Headlines: a service that only answers, without state that changes.
//
//   relay news.rl -connect ws://127.0.0.1:8081
//   relay call news_service.get_headlines

config { app_name: "Local news" }

struct Headline { id: number, title: string, topic: string }

set headlines = [
    Headline{id: 1, title: "Library opens on Sundays", topic: "town"},
    Headline{id: 2, title: "Two towns share one bus", topic: "traffic"},
    Headline{id: 3, title: "Old mill gives power again", topic: "energy"},
]

server news_service {
    // All headlines, or those of one topic.
    receive fn get_headlines(topic: optional(string)) -> [Headline] {
        headlines.filter(fn(headline) { topic == nil || headline.topic == topic })
    }
}
