// Testbench of {{ design.name }}, for C simulation and RTL co-simulation: sets the inputs, runs the top
// function, compares every bit of every output with the vectors, and fails on any difference.
#include "firmware/{{ design.name }}.h"

#include <cstdio>
#include <cstring>
{%- for header in vendor.source_headers %}

#include <{{ header }}>
{%- endfor %}

namespace {

const unsigned long SAMPLES = {{ samples }};
const unsigned long SHOWN = 5;

// The bits of a value of up to 128 bits, in two's complement.
struct Code {
    unsigned long long high;
    unsigned long long low;
};

// Makes the W bits of a code those of a value.
template <int W, class T> void set_bits(T &value, const Code &code) {
{%- for line in vendor.testbench.set_code %}
    {{ line }}
{%- endfor %}
}

// The W bits of a value.
template <int W, class T> Code get_bits(const T &value) {
{%- for line in vendor.testbench.get_code %}
    {{ line }}
{%- endfor %}
}

// Reads a hexadecimal code; false for other text and for one of more than `width` bits.
bool parse(const char *text, int length, int width, Code &code) {
    code.high = code.low = 0;
    for (int n = 0; n < length; n++) {
        if (text[n] == '\0' || !std::strchr("0123456789abcdef", text[n])) {
            return false;
        }
        const int digit = text[n] <= '9' ? text[n] - '0' : text[n] - 'a' + 10;
        code.high = code.high << 4 | code.low >> 60;
        code.low = code.low << 4 | digit;
    }
    const bool fits_high = width == 128 || code.high >> (width > 64 ? width - 64 : 0) == 0;
    const bool fits_low = width >= 64 || code.low >> (width % 64) == 0;
    return length <= 32 && fits_high && fits_low;
}

// The vectors of an argument: a sample a line, a hexadecimal code a word.
struct Vectors {
    const char *name;
    std::FILE *file;
    unsigned long line;

    // Reads the next sample, `count` codes of `width` bits; prints an error and is false for any
    // other line.
    bool read(Code *codes, unsigned long count, int width) {
        unsigned long words = 0;
        // One character more than the longest code: a longer word is an error.
        char word[34];
        int length = 0;
        line++;
        while (file && std::fscanf(file, "%33[^ \r\n]%n%*[ \r]", word, &length) == 1) {
            if (words < count && !parse(word, length, width, codes[words])) {
                std::printf("bitkiln: %s.dat, line %lu: '%s' is no code of %d bits\n", name, line,
                            word, width);
                return false;
            }
            words++;
        }
        if (!file || std::ferror(file)) {
            std::printf("bitkiln: cannot read %s.dat\n", name);
        } else if (std::getc(file) == EOF && words == 0) {
            std::printf("bitkiln: %s.dat has %lu of %lu samples\n", name, line - 1, SAMPLES);
        } else if (words != count) {
            std::printf("bitkiln: %s.dat, line %lu: %lu values instead of %lu\n", name, line,
                        words, count);
        }
        return words == count;
    }

    // Prints an error and is false if there are more samples.
    bool finish() {
        char next;
        const bool is_finished = std::fscanf(file, " %c", &next) != 1;
        std::fclose(file);
        if (!is_finished) {
            std::printf("bitkiln: %s.dat has more than %lu samples\n", name, SAMPLES);
        }
        return is_finished;
    }
};

// The vectors of an argument, `name`.dat in a folder.
Vectors open(const char *directory, const char *name) {
    char path[FILENAME_MAX];
    std::snprintf(path, sizeof path, "%s/%s.dat", directory, name);
    const Vectors vectors = {name, std::fopen(path, "r"), 0};
    return vectors;
}

// Sets N values of W bits to the next sample.
template <int W, int N, class T> bool set(T (&values)[N], Vectors &vectors) {
    static Code codes[N];
    const bool is_read = vectors.read(codes, N, W);
    for (int n = 0; is_read && n < N; n++) {
        set_bits<W>(values[n], codes[n]);
    }
    return is_read;
}

// Prints a code as the vectors have it.
void print(const char *label, const Code &code, int width) {
    const int digits = (width + 3) / 4;
    if (digits > 16) {
        std::printf("%s%0*llx%016llx", label, digits - 16, code.high, code.low);
    } else {
        std::printf("%s%0*llx", label, digits, code.low);
    }
}

// Output values so far.
struct Comparison {
    unsigned long compared;
    unsigned long mismatches;

    // Compares N values of W bits with the next sample; prints the first mismatches.
    template <int W, int N, class T> bool compare(const T (&values)[N], Vectors &vectors) {
        static Code codes[N];
        const bool is_read = vectors.read(codes, N, W);
        for (int n = 0; is_read && n < N; n++, compared++) {
            const Code got = get_bits<W>(values[n]);
            const bool is_equal = got.high == codes[n].high && got.low == codes[n].low;
            if (!is_equal && mismatches++ < SHOWN) {
                std::printf("bitkiln: sample %lu, %s[%d]: ", vectors.line - 1, vectors.name, n);
                print("got ", got, W);
                print(", expected ", codes[n], W);
                std::printf("\n");
            }
        }
        return is_read;
    }
};

{%- if is_streaming %}

// Writes a sample to a stream, token by token.
template <class Token, int N, class T, class Stream> void send(const T (&values)[N], Stream &stream) {
    const int lanes = sizeof(Token().lanes) / sizeof(Token().lanes[0]);
    for (int n = 0; n < N; n += lanes) {
        Token token;
        for (int lane = 0; lane < lanes; lane++) {
            token.lanes[lane] = values[n + lane];
        }
        stream.write(token);
    }
}

// Reads a sample from a stream.
template <class Token, int N, class T, class Stream> void receive(T (&values)[N], Stream &stream) {
    const int lanes = sizeof(Token().lanes) / sizeof(Token().lanes[0]);
    for (int n = 0; n < N; n += lanes) {
        const Token token = stream.read();
        for (int lane = 0; lane < lanes; lane++) {
            values[n + lane] = token.lanes[lane];
        }
    }
}
{%- endif %}

// The folder of the vectors: the first argument, else tb_data in the working directory (where C and
// RTL simulation copy it) or beside this file.
const char *vectors_directory(int argc, char **argv) {
    if (argc > 1) {
        return argv[1];
    }
    const Vectors first = open("tb_data", "{{ first_port }}");
    if (first.file) {
        std::fclose(first.file);
        return "tb_data";
    }
    static char beside[FILENAME_MAX];
    const char *const file = __FILE__;
    const char *const slash = std::strrchr(file, '/');
    const int length = slash ? static_cast<int>(slash + 1 - file) : 0;
    std::snprintf(beside, sizeof beside, "%.*stb_data", length, file);
    return beside;
}

// Runs every sample; the number of mismatches, or -1 for incomplete vectors. Arguments are static:
// large ones exceed a stack.
long run(const char *directory) {
{%- for (port, element) in inputs.iter().chain(outputs.iter()) %}
{%- if let EdgeKind::Stream(stream) = port.kind %}
    static {{ element.name }} {{ port.name }}_values[{{ port.len() }}];
    static {{ vendor.stream }}<{{ design[stream.token].name }}> {{ port.name }};
{%- else %}
    static {{ element.name }} {{ port.name }}[{{ port.len() }}];
{%- endif %}
    Vectors {{ port.name }}_vectors = open(directory, "{{ port.name }}");
{%- endfor %}
    Comparison total = {0, 0};
    for (unsigned long sample = 0; sample < SAMPLES; sample++) {
{%- for (port, element) in inputs %}
{%- if let EdgeKind::Stream(stream) = port.kind %}
        if (!set<{{ element.quantization.format.width() }}>({{ port.name }}_values, {{ port.name }}_vectors)) return -1;
        send<{{ design[stream.token].name }}>({{ port.name }}_values, {{ port.name }});
{%- else %}
        if (!set<{{ element.quantization.format.width() }}>({{ port.name }}, {{ port.name }}_vectors)) return -1;
{%- endif %}
{%- endfor %}
        {{ vendor.testbench.call.0 }}{{ design.name }}{{ vendor.testbench.call.1 }}({{ arguments }});
{%- for (port, element) in outputs %}
{%- if let EdgeKind::Stream(stream) = port.kind %}
        receive<{{ design[stream.token].name }}>({{ port.name }}_values, {{ port.name }});
        if (!total.compare<{{ element.quantization.format.width() }}>({{ port.name }}_values, {{ port.name }}_vectors)) return -1;
{%- else %}
        if (!total.compare<{{ element.quantization.format.width() }}>({{ port.name }}, {{ port.name }}_vectors)) return -1;
{%- endif %}
{%- endfor %}
    }
{%- for (port, element) in inputs.iter().chain(outputs.iter()) %}
    if (!{{ port.name }}_vectors.finish()) return -1;
{%- endfor %}
{%- for (port, element) in outputs %}
{%- if let EdgeKind::Stream(_) = port.kind %}
    if (!{{ port.name }}.empty()) {
        std::printf("bitkiln: {{ port.name }} has more tokens than the last sample\n");
        return -1;
    }
{%- endif %}
{%- endfor %}
    std::printf("bitkiln: %lu values compared, %lu mismatches\n", total.compared,
                total.mismatches);
    return static_cast<long>(total.mismatches);
}

} // namespace

{{ vendor.testbench.main }}
    const long mismatches = run(vectors_directory(argc, argv));
    {{ vendor.testbench.leave.0 }}mismatches == 0 ? 0 : 1{{ vendor.testbench.leave.1 }};
}
