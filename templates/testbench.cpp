// Testbench of {{ design.name }}, for C simulation and RTL co-simulation.
// Sets the inputs, compares every output with what the simulation of the network computed, and
// fails on any difference. All are integer codes; no floating-point number is on the way.
#include "firmware/{{ design.name }}.h"

#include <cstdio>
#include <cstring>
{%- for header in source_headers %}

#include <{{ header }}>
{%- endfor %}

namespace {

const unsigned long SAMPLES = {{ samples }};
const unsigned long SHOWN = 5;

// An integer from -2^127 to 2^128 - 1: its last 128 bits, and whether it is negative.
struct Code {
    unsigned long long high;
    unsigned long long low;
    bool is_negative;
};

bool operator!=(const Code &a, const Code &b) {
    return a.high != b.high || a.low != b.low || a.is_negative != b.is_negative;
}

// The last 128 bits of minus a number.
void negate(Code &code) {
    code.high = ~code.high + (code.low == 0);
    code.low = ~code.low + 1;
}

// Reads a decimal integer; false if the text is none or no code holds it.
bool parse(const char *text, Code &code) {
    const bool has_sign = text[0] == '-';
    const char *digit = text + has_sign;
    if (*digit == '\0') {
        return false;
    }
    unsigned long long limbs[4] = {0, 0, 0, 0};
    for (; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9') {
            return false;
        }
        unsigned long long carry = *digit - '0';
        for (int limb = 0; limb < 4; limb++) {
            carry += limbs[limb] * 10;
            limbs[limb] = carry & 0xffffffffULL;
            carry >>= 32;
        }
        if (carry != 0) {
            return false;
        }
    }
    code.high = limbs[3] << 32 | limbs[2];
    code.low = limbs[1] << 32 | limbs[0];
    code.is_negative = has_sign && (code.high | code.low) != 0;
    if (code.is_negative) {
        negate(code);
        return code.high >> 63 != 0;
    }
    return true;
}

// Room for a code in decimal.
typedef char Text[48];

// Writes a code in decimal, to the end of `text`; where it begins.
const char *decimal(Code code, Text &text) {
    const bool is_negative = code.is_negative;
    if (is_negative) {
        negate(code);
    }
    unsigned long long limbs[4] = {code.high >> 32, code.high & 0xffffffffULL, code.low >> 32,
                                   code.low & 0xffffffffULL};
    char *first = text + sizeof text - 1;
    *first = '\0';
    do {
        unsigned long long rest = 0;
        for (int limb = 0; limb < 4; limb++) {
            rest = rest << 32 | limbs[limb];
            limbs[limb] = rest / 10;
            rest %= 10;
        }
        *--first = static_cast<char>('0' + rest);
    } while ((limbs[0] | limbs[1] | limbs[2] | limbs[3]) != 0);
    if (is_negative) {
        *--first = '-';
    }
    return first;
}

// Makes the W bits of a code those of a value.
template <int W, class T> void set_bits(T &value, const Code &code) {
{%- for line in testbench.set_code %}
    {{ line }}
{%- endfor %}
}

// The W bits of a value.
template <int W, class T> Code get_bits(const T &value) {
{%- for line in testbench.get_code %}
    {{ line }}
{%- endfor %}
}

// The code of a value of W bits.
template <int W, class T> Code get_code(const T &value, bool is_signed) {
    Code code = get_bits<W>(value);
    unsigned long long &top = W > 64 ? code.high : code.low;
    code.is_negative = is_signed && (top >> ((W - 1) % 64) & 1) != 0;
    if (code.is_negative) {
        if (W % 64 != 0) {
            top |= ~0ULL << (W % 64);
        }
        if (W <= 64) {
            code.high = ~0ULL;
        }
    }
    return code;
}

// Opens the vectors of an argument.
std::FILE *open_vectors(const char *directory, const char *name) {
    char path[FILENAME_MAX];
    std::snprintf(path, sizeof path, "%s/%s.dat", directory, name);
    return std::fopen(path, "r");
}

// The vectors of an argument: a sample a line, a code a word.
class Vectors {
  public:
    Vectors(const char *directory, const char *argument)
        : name(argument), file_(open_vectors(directory, argument)), line_(0), words_(0) {}

    ~Vectors() {
        if (file_) {
            std::fclose(file_);
        }
    }

    // Goes to the next sample; says so where there is none.
    bool begin() {
        const int next = file_ ? std::getc(file_) : EOF;
        if (!file_ || std::ferror(file_)) {
            std::printf("bitkiln: cannot read %s.dat\n", name);
            return false;
        }
        if (next == EOF) {
            std::printf("bitkiln: %s.dat has %lu of %lu samples\n", name, line_, SAMPLES);
            return false;
        }
        std::ungetc(next, file_);
        line_++;
        words_ = 0;
        return true;
    }

    // Reads the next code of the sample, which has `count`; says so where there is none.
    bool next(Code &code, unsigned long count) {
        Text word;
        if (!read_word(word)) {
            return complete(count);
        }
        if (!parse(word, code)) {
            std::printf("bitkiln: %s.dat, line %lu: '%s' is no integer\n", name, line_, word);
            return false;
        }
        return true;
    }

    // Leaves the sample, which has `count` codes; says so where it has not.
    bool end(unsigned long count) {
        Text word;
        while (read_word(word)) {
        }
        std::getc(file_);
        return complete(count);
    }

    // Whether nothing but blanks stands behind the last sample; says so where not.
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

    // The number of the sample, from 0 on.
    unsigned long sample() const { return line_ - 1; }

    const char *const name;

  private:
    Vectors(const Vectors &);
    Vectors &operator=(const Vectors &);

    static bool is_blank(int character) {
        return character == ' ' || character == '\t' || character == '\r';
    }

    // Reads the next word of the line; false where the line ends. A long one ends in dots.
    bool read_word(Text &word) {
        int next = std::getc(file_);
        while (is_blank(next)) {
            next = std::getc(file_);
        }
        unsigned long length = 0;
        bool is_cut = false;
        for (; next != EOF && next != '\n' && !is_blank(next); next = std::getc(file_)) {
            is_cut = length + sizeof "..." == sizeof word;
            if (!is_cut) {
                word[length++] = next < ' ' ? '?' : static_cast<char>(next);
            }
        }
        std::strcpy(word + length, is_cut ? "..." : "");
        std::ungetc(next, file_);
        words_ += length > 0;
        return length > 0;
    }

    // Whether `count` words of the line were read; says so where not.
    bool complete(unsigned long count) const {
        if (words_ != count) {
            std::printf("bitkiln: %s.dat, line %lu: %lu values instead of %lu\n", name, line_,
                        words_, count);
        }
        return words_ == count;
    }

    std::FILE *file_;
    unsigned long line_;
    unsigned long words_;
};

// Sets N values to the next sample; false where there is none or a code does not fit its type.
template <int W, int N, class T> bool set(T (&values)[N], Vectors &vectors, bool is_signed) {
    if (!vectors.begin()) {
        return false;
    }
    for (int n = 0; n < N; n++) {
        Code code;
        if (!vectors.next(code, N)) {
            return false;
        }
        set_bits<W>(values[n], code);
        if (get_code<W>(values[n], is_signed) != code) {
            Text text;
            std::printf("bitkiln: %s[%d]: %s does not fit %d bits\n", vectors.name, n,
                        decimal(code, text), W);
            return false;
        }
    }
    return vectors.end(N);
}

// What was compared.
struct Comparison {
    unsigned long compared;
    unsigned long mismatches;

    // Compares N values with the next sample and counts; shows the first mismatches. False where
    // there is no such sample.
    template <int W, int N, class T>
    bool compare(const T (&values)[N], Vectors &vectors, bool is_signed) {
        if (!vectors.begin()) {
            return false;
        }
        for (int n = 0; n < N; n++) {
            Code expected;
            if (!vectors.next(expected, N)) {
                return false;
            }
            const Code got = get_code<W>(values[n], is_signed);
            compared++;
            if (got != expected && mismatches++ < SHOWN) {
                Text texts[2];
                std::printf("bitkiln: sample %lu, %s[%d]: got %s, expected %s\n",
                            vectors.sample(), vectors.name, n, decimal(got, texts[0]),
                            decimal(expected, texts[1]));
            }
        }
        return vectors.end(N);
    }
};

// Where the vectors are: where the first argument says, or else in the working directory (where
// both C and RTL simulation put them) or beside this file.
const char *vectors_directory(int argc, char **argv) {
    if (argc > 1) {
        return argv[1];
    }
    std::FILE *const vectors = open_vectors("tb_data", "{{ first_port }}");
    if (vectors) {
        std::fclose(vectors);
        return "tb_data";
    }
    static char beside[FILENAME_MAX];
    const char *const file = __FILE__;
    const char *const slash = std::strrchr(file, '/');
    std::snprintf(beside, sizeof beside, "%.*stb_data",
                  slash ? static_cast<int>(slash + 1 - file) : 0, file);
    return beside;
}

// Runs every sample; the number of mismatches, or -1 where the vectors are not complete. Arguments are
// static: large ones exceed a stack.
long run(const char *directory) {
{%- for port in inputs.iter().chain(outputs.iter()) %}
    Vectors {{ port.name }}_vectors(directory, "{{ port.name }}");
{%- endfor %}
    Comparison total = {0, 0};
    for (unsigned long sample = 0; sample < SAMPLES; sample++) {
{%- for port in inputs %}
        static {{ port.type_name }} {{ port.name }}[{{ port.len }}];
        if (!set<{{ port.width }}>({{ port.name }}, {{ port.name }}_vectors, {{ port.is_signed }})) {
            return -1;
        }
{%- endfor %}
{%- for port in outputs %}
        static {{ port.type_name }} {{ port.name }}[{{ port.len }}];
{%- endfor %}
        {{ testbench.call.0 }}{{ design.name }}{{ testbench.call.1 }}({{ arguments }});
{%- for port in outputs %}
        if (!total.compare<{{ port.width }}>({{ port.name }}, {{ port.name }}_vectors, {{ port.is_signed }})) {
            return -1;
        }
{%- endfor %}
    }
{%- for port in inputs.iter().chain(outputs.iter()) %}
    if (!{{ port.name }}_vectors.finish()) {
        return -1;
    }
{%- endfor %}
    std::printf("bitkiln: %lu values compared, %lu mismatches\n", total.compared,
                total.mismatches);
    return static_cast<long>(total.mismatches);
}

} // namespace

{{ testbench.main }}
    const long mismatches = run(vectors_directory(argc, argv));
    {{ testbench.leave.0 }}mismatches == 0 ? 0 : 1{{ testbench.leave.1 }};
}
