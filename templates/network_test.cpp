// The testbench of {{ manifest.name }}, and its processes side by side between FIFOs of bounded depth.
#define BITKILN_NETWORK
#define main testbench_main
#include "{{ manifest.name }}_test.cpp"
#undef main
#include "firmware/{{ manifest.name }}.cpp"

#include <type_traits>
#include <utility>

namespace bitkiln {

// The type of a token's elements.
template <class Token>
using Element = typename std::remove_reference<decltype(std::declval<Token &>().lanes[0])>::type;
{%- if has_stream_ports %}

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

// Sets values of W bits to the next of `vectors`.
template <int W, int N, class T> void set_next(T (&values)[N], Vectors &vectors) {
    if (!set<W>(values, vectors)) {
        std::exit(1);
    }
}

// Compares values of W bits with the next of `vectors`.
template <int W, int N, class T>
void compare_next(Comparison &total, const T (&values)[N], Vectors &vectors) {
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
{%- if let Some((port, token, is_input)) = manifest.array(process) %}
        Element<{{ token }}> {{ port.name }}[{{ port.len() }}];
{%- if is_input %}
        set_next<{{ port.element.format.width() }}>({{ port.name }}, vectors::{{ port.name }});
{%- endif %}
{%- endif %}
        ::{{ process.name }}({% for name in process.arguments %}{% if !loop.first %}, {% endif %}{% if manifest.is_stream(name) %}streams::{% endif %}{{ name }}{% endfor %}{% if process.takes_reset %}, false{% endif %});
{%- if let Some((port, _, false)) = manifest.array(process) %}
        compare_next<{{ port.element.format.width() }}>(total, {{ port.name }}, vectors::{{ port.name }});
{%- endif %}
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
