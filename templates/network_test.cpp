// The testbench of {{ manifest.name }}, and its processes side by side between FIFOs of bounded depth.
#define BITKILN_NETWORK
#define main testbench_main
#include "{{ manifest.name }}_test.cpp"
#undef main
#include "firmware/{{ manifest.name }}.cpp"

#include <type_traits>
#include <utility>

namespace bitkiln {
{%- if has_stream_ports %}

// The type of a token's elements.
template <class Token>
using Element = typename std::remove_reference<decltype(std::declval<Token &>().lanes[0])>::type;

// Sends the next of `vectors` to a stream: N values of W bits.
template <int W, int N, class Token, class Stream> void send_next(Vectors &vectors, Stream &stream) {
    Element<Token> values[N];
    if (!set<W>(values, vectors)) {
        std::exit(1);
    }
    send<Token>(values, stream);
}

// Compares N values of W bits from a stream with the next of `vectors`.
template <int W, int N, class Token, class Stream>
void compare_next(Comparison &total, Vectors &vectors, Stream &stream) {
    Element<Token> values[N];
    receive<Token>(values, stream);
    if (!total.compare<W>(values, vectors)) {
        std::exit(1);
    }
}
{%- else %}

// Runs a process on the next of `vectors`, an array of N values of W bits that it reads.
template <int W, int N, class T, class Stream>
void run_on_next(void (&process)(const T *, Stream &), Vectors &vectors, Stream &stream) {
    T values[N];
    if (!set<W>(values, vectors)) {
        std::exit(1);
    }
    process(values, stream);
}

// Compares an array of N values of W bits that a process writes with the next of `vectors`.
template <int W, int N, class T, class Stream>
void compare_result(void (&process)(Stream &, T *), Comparison &total, Vectors &vectors, Stream &stream) {
    T values[N];
    process(stream, values);
    if (!total.compare<W>(values, vectors)) {
        std::exit(1);
    }
}
{%- endif %}

namespace streams {
{% for stream in manifest.streams %}
{{ class }}<{{ stream.token }}> {{ stream.name }};
{%- endfor %}

} // namespace streams

namespace vectors {
{% for port in manifest.inputs.iter().chain(manifest.outputs.iter()) %}
Vectors {{ port.name }};
{%- endfor %}

} // namespace vectors

Comparison total = {0, 0};

void add_all(Network &network) {
{%- for stream in manifest.streams %}
    network.add("{{ stream.name }}", streams::{{ stream.name }});
{%- endfor %}
{%- for process in manifest.processes %}
{%- match manifest.port(process) %}
{%- when Some((port, stream, is_input)) %}
    network.add("{{ process.name }}", [] {
{%- if is_input %}
        send_next<{{ port.element.format.width() }}, {{ port.len() }}, {{ stream.token }}>(
            vectors::{{ port.name }}, streams::{{ port.name }});
{%- else %}
        compare_next<{{ port.element.format.width() }}, {{ port.len() }}, {{ stream.token }}>(
            total, vectors::{{ port.name }}, streams::{{ port.name }});
{%- endif %}
    });
{%- when None %}
    network.add("{{ process.name }}", [] {
{%- match manifest.array(process) %}
{%- when Some((port, true)) %}
        run_on_next<{{ port.element.format.width() }}, {{ port.len() }}>(
            ::{{ process.name }}, vectors::{{ port.name }}, streams::{{ process.arguments[1] }});
{%- when Some((port, false)) %}
        compare_result<{{ port.element.format.width() }}, {{ port.len() }}>(
            ::{{ process.name }}, total, vectors::{{ port.name }}, streams::{{ process.arguments[0] }});
{%- when None %}
        ::{{ process.name }}({% for stream in process.arguments %}{% if !loop.first %}, {% endif %}streams::{{ stream }}{% endfor %}{% if process.takes_reset %}, false{% endif %});
{%- endmatch %}
    });
{%- endmatch %}
{%- endfor %}
}

int run(const char *schedule, unsigned long frames, const char *directory) {
{%- for port in manifest.inputs.iter().chain(manifest.outputs.iter()) %}
    vectors::{{ port.name }} = open(directory, "{{ port.name }}");
{%- endfor %}
    Network network;
    add_all(network);
    if (!network.read(schedule)) {
        std::printf("bitkiln: %s is no schedule of {{ manifest.name }}\n", schedule);
        return 1;
    }
    if (!network.run(frames)) {
        return 1;
    }
    std::printf("bitkiln: %lu values compared, %lu mismatches\n", total.compared, total.mismatches);
    return total.mismatches == 0 ? 0 : 1;
}

} // namespace bitkiln

// The vectors' folder alone runs the testbench; a schedule and a number of frames before it run the
// processes side by side.
int main(int argc, char **argv) {
    return argc == 2 ? testbench_main(argc, argv)
                     : bitkiln::run(argv[1], std::strtoul(argv[2], 0, 10), argv[3]);
}
