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
const char HEX_DIGITS[] = "0123456789abcdef";

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
bool parse(const char *text, int width, Code &code) {
    code.high = code.low = 0;
    const unsigned long length = std::strlen(text);
    for (unsigned long n = 0; n < length; n++) {
        const char *const digit = std::strchr(HEX_DIGITS, text[n]);
        if (!digit) {
            return false;
        }
        code.high = code.high << 4 | code.low >> 60;
        code.low = code.low << 4 | (digit - HEX_DIGITS);
    }
    const bool fits_high = width == 128 || code.high >> (width > 64 ? width - 64 : 0) == 0;
    const bool fits_low = width >= 64 || code.low >> (width % 64) == 0;
    return length > 0 && length <= 32 && fits_high && fits_low;
}

// The vectors of an argument: a sample a line, a hexadecimal code a word.
class Vectors {
  public:
    Vectors(const char *directory, const char *argument)
        : name(argument), line_(0), file_(open(directory, argument)) {}

    ~Vectors() {
        if (file_) {
            std::fclose(file_);
        }
    }

    static std::FILE *open(const char *directory, const char *argument) {
        char path[FILENAME_MAX];
        std::snprintf(path, sizeof path, "%s/%s.dat", directory, argument);
        return std::fopen(path, "r");
    }

    // Reads the next sample, `count` codes of `width` bits; prints an error and is false for any
    // other line.
    bool read(Code *codes, unsigned long count, int width) {
        int next = file_ ? std::getc(file_) : EOF;
        if (!file_ || std::ferror(file_)) {
            std::printf("bitkiln: cannot read %s.dat\n", name);
            return false;
        }
        if (next == EOF) {
            std::printf("bitkiln: %s.dat has %lu of %lu samples\n", name, line_, SAMPLES);
            return false;
        }
        line_++;
        unsigned long words = 0;
        for (; next != '\n' && next != EOF; words++) {
            // One character more than the longest code: a longer word is an error.
            char word[34];
            unsigned long length = 0;
            for (; next != '\n' && next != EOF && !is_blank(next); next = std::getc(file_)) {
                if (length + 1 < sizeof word) {
                    word[length++] = next < ' ' ? '?' : static_cast<char>(next);
                }
            }
            word[length] = '\0';
            if (words < count && !parse(word, width, codes[words])) {
                std::printf("bitkiln: %s.dat, line %lu: '%s' is no code of %d bits\n", name, line_,
                            word, width);
                return false;
            }
            while (is_blank(next)) {
                next = std::getc(file_);
            }
        }
        if (words != count) {
            std::printf("bitkiln: %s.dat, line %lu: %lu values instead of %lu\n", name, line_,
                        words, count);
        }
        return words == count;
    }

    // Prints an error and is false if there are more samples.
    bool finish() {
        int next = std::getc(file_);
        while (next == '\n' || is_blank(next)) {
            next = std::getc(file_);
        }
        if (next != EOF) {
            std::printf("bitkiln: %s.dat has more than %lu samples\n", name, SAMPLES);
        }
        return next == EOF;
    }

    const char *const name;

  private:
    Vectors(const Vectors &);
    Vectors &operator=(const Vectors &);

    static bool is_blank(int character) {
        return character == ' ' || character == '\t' || character == '\r';
    }

    unsigned long line_;
    std::FILE *file_;
};

// Sets N values of W bits to the next sample.
template <int W, int N, class T> bool set(T (&values)[N], Vectors &vectors) {
    static Code codes[N];
    if (!vectors.read(codes, N, W)) {
        return false;
    }
    for (int n = 0; n < N; n++) {
        set_bits<W>(values[n], codes[n]);
    }
    return true;
}

// Prints the W bits of a code as the vectors have them.
template <int W> void print(const char *label, const Code &code) {
    std::printf("%s", label);
    for (int shift = (W - 1) / 4 * 4; shift >= 0; shift -= 4) {
        std::putchar(HEX_DIGITS[(shift < 64 ? code.low >> shift : code.high >> (shift - 64)) & 15]);
    }
}

// Output values so far.
struct Comparison {
    unsigned long compared;
    unsigned long mismatches;

    // Compares N values of W bits with the next sample; prints the first mismatches.
    template <int W, int N, class T>
    bool compare(const T (&values)[N], Vectors &vectors, unsigned long sample) {
        static Code codes[N];
        if (!vectors.read(codes, N, W)) {
            return false;
        }
        for (int n = 0; n < N; n++, compared++) {
            const Code got = get_bits<W>(values[n]);
            const bool is_equal = got.high == codes[n].high && got.low == codes[n].low;
            if (!is_equal && mismatches++ < SHOWN) {
                std::printf("bitkiln: sample %lu, %s[%d]: ", sample, vectors.name, n);
                print<W>("got ", got);
                print<W>(", expected ", codes[n]);
                std::printf("\n");
            }
        }
        return true;
    }
};

// The folder of the vectors: the first argument, else tb_data in the working directory (where C and
// RTL simulation copy it) or beside this file.
const char *vectors_directory(int argc, char **argv) {
    if (argc > 1) {
        return argv[1];
    }
    std::FILE *const vectors = Vectors::open("tb_data", "{{ first_port }}");
    if (vectors) {
        std::fclose(vectors);
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
    static {{ element.name }} {{ port.name }}[{{ port.len() }}];
    Vectors {{ port.name }}_vectors(directory, "{{ port.name }}");
{%- endfor %}
    Comparison total = {0, 0};
    for (unsigned long sample = 0; sample < SAMPLES; sample++) {
{%- for (port, element) in inputs %}
        if (!set<{{ element.quantization.format.width() }}>({{ port.name }}, {{ port.name }}_vectors)) {
            return -1;
        }
{%- endfor %}
        {{ vendor.testbench.call.0 }}{{ design.name }}{{ vendor.testbench.call.1 }}({{ arguments }});
{%- for (port, element) in outputs %}
        if (!total.compare<{{ element.quantization.format.width() }}>({{ port.name }}, {{ port.name }}_vectors, sample)) {
            return -1;
        }
{%- endfor %}
    }
{%- for (port, element) in inputs.iter().chain(outputs.iter()) %}
    if (!{{ port.name }}_vectors.finish()) {
        return -1;
    }
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
