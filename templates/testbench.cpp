// Testbench of {{ design.name }}, for C simulation and RTL co-simulation.
// Sets the inputs, compares every output with what the simulation of the network computed, and
// fails on any difference. All are integer codes; no floating-point number is on the way.
#include "firmware/{{ design.name }}.h"

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>
{%- for header in source_headers %}

#include <{{ header }}>
{%- endfor %}

namespace {

const unsigned long SAMPLES = {{ samples }};
const unsigned long SHOWN = 5;

// An integer of up to 128 bits, two's complement.
struct Code {
    unsigned long long high;
    unsigned long long low;
};

bool operator!=(const Code &a, const Code &b) {
    return a.high != b.high || a.low != b.low;
}

Code negated(const Code &code) {
    const Code result = {~code.high + (code.low == 0), ~code.low + 1};
    return result;
}

// Reads a decimal integer; false if the text is none or exceeds 128 bits.
bool parse(const std::string &text, Code &code) {
    const bool negative = text[0] == '-';
    unsigned long long limbs[4] = {0, 0, 0, 0};
    for (std::string::size_type n = negative; n < text.size(); n++) {
        if (text[n] < '0' || text[n] > '9') {
            return false;
        }
        unsigned long long carry = text[n] - '0';
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
    if (negative) {
        code = negated(code);
    }
    return text.size() > static_cast<std::string::size_type>(negative);
}

// Writes a code in decimal.
std::string decimal(const Code &code, bool is_signed) {
    const bool negative = is_signed && code.high >> 63 != 0;
    const Code size = negative ? negated(code) : code;
    unsigned long long limbs[4] = {size.high >> 32, size.high & 0xffffffffULL, size.low >> 32,
                                   size.low & 0xffffffffULL};
    std::string text;
    do {
        unsigned long long rest = 0;
        for (int limb = 0; limb < 4; limb++) {
            rest = rest << 32 | limbs[limb];
            limbs[limb] = rest / 10;
            rest %= 10;
        }
        text.insert(text.begin(), static_cast<char>('0' + rest));
    } while ((limbs[0] | limbs[1] | limbs[2] | limbs[3]) != 0);
    return negative ? "-" + text : text;
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
    if (is_signed && (top >> ((W - 1) % 64) & 1) != 0) {
        if (W % 64 != 0) {
            top |= ~0ULL << (W % 64);
        }
        if (W <= 64) {
            code.high = ~0ULL;
        }
    }
    return code;
}

// Vectors in a file: a sample a line.
class Vectors {
  public:
    Vectors(const std::string &directory, const char *name) : name_(name), lines_(0) {
        file_.open((directory + "/" + name).c_str());
    }

    // Reads the codes of the next sample; says what is wrong where there are not `count`.
    bool next(std::vector<Code> &codes, unsigned long count) {
        std::string line;
        if (!file_.is_open()) {
            std::printf("bitkiln: cannot read %s\n", name_);
            return false;
        }
        if (!std::getline(file_, line)) {
            std::printf("bitkiln: %s has %lu of %lu samples\n", name_, lines_, SAMPLES);
            return false;
        }
        lines_++;
        std::istringstream words(line);
        std::string word;
        codes.clear();
        while (words >> word) {
            Code code;
            if (!parse(word, code)) {
                std::printf("bitkiln: %s, line %lu: '%s' is no integer\n", name_, lines_,
                            word.c_str());
                return false;
            }
            codes.push_back(code);
        }
        if (codes.size() != count) {
            std::printf("bitkiln: %s, line %lu: %lu values instead of %lu\n", name_, lines_,
                        static_cast<unsigned long>(codes.size()), count);
            return false;
        }
        return true;
    }

  private:
    const char *name_;
    unsigned long lines_;
    std::ifstream file_;
};

// Sets N values; false where a code does not fit its type.
template <int W, int N, class T>
bool set(T (&values)[N], const std::vector<Code> &codes, bool is_signed, const char *name) {
    for (int n = 0; n < N; n++) {
        set_bits<W>(values[n], codes[n]);
        if (get_code<W>(values[n], is_signed) != codes[n]) {
            std::printf("bitkiln: %s[%d]: %s does not fit %d bits\n", name, n,
                        decimal(codes[n], true).c_str(), W);
            return false;
        }
    }
    return true;
}

// Compares N values and counts; shows the first mismatches.
struct Comparison {
    unsigned long compared;
    unsigned long mismatches;

    template <int W, int N, class T>
    void compare(const T (&values)[N], const std::vector<Code> &expected, bool is_signed,
                 const char *name, unsigned long sample) {
        for (int n = 0; n < N; n++) {
            const Code got = get_code<W>(values[n], is_signed);
            compared++;
            if (got != expected[n] && mismatches++ < SHOWN) {
                std::printf("bitkiln: sample %lu, %s[%d]: got %s, expected %s\n", sample, name, n,
                            decimal(got, is_signed).c_str(), decimal(expected[n], is_signed).c_str());
            }
        }
    }
};

// Where the vectors are: named by the first argument, in the working directory (where both C and
// RTL simulation put them), or beside this file.
std::string vectors_directory(int argc, char **argv) {
    std::vector<std::string> places;
    if (argc > 1) {
        places.push_back(argv[1]);
    }
    places.push_back("tb_data");
    const std::string file = __FILE__;
    const std::string::size_type slash = file.find_last_of('/');
    places.push_back((slash == std::string::npos ? "" : file.substr(0, slash + 1)) + "tb_data");
    for (unsigned n = 0; n < places.size(); n++) {
        if (std::ifstream((places[n] + "/{{ first_file }}").c_str()).good()) {
            return places[n];
        }
    }
    return places[0];
}

// Runs every sample; the number of mismatches, or -1 where the vectors are not complete.
long run(const std::string &directory) {
{%- for port in inputs.iter().chain(outputs.iter()) %}
    Vectors {{ port.name }}_vectors(directory, "{{ port.name }}.dat");
{%- endfor %}
    Comparison total = {0, 0};
    std::vector<Code> codes;
    for (unsigned long sample = 0; sample < SAMPLES; sample++) {
{%- for port in inputs %}
        {{ port.type_name }} {{ port.name }}[{{ port.len }}];
        if (!{{ port.name }}_vectors.next(codes, {{ port.len }}) ||
            !set<{{ port.width }}>({{ port.name }}, codes, {{ port.is_signed }}, "{{ port.name }}")) {
            return -1;
        }
{%- endfor %}
{%- for port in outputs %}
        {{ port.type_name }} {{ port.name }}[{{ port.len }}];
{%- endfor %}
        {{ testbench.call.0 }}{{ design.name }}{{ testbench.call.1 }}({{ arguments }});
{%- for port in outputs %}
        if (!{{ port.name }}_vectors.next(codes, {{ port.len }})) {
            return -1;
        }
        total.compare<{{ port.width }}>({{ port.name }}, codes, {{ port.is_signed }}, "{{ port.name }}",
                           sample);
{%- endfor %}
    }
    std::printf("bitkiln: %lu values compared, %lu mismatches\n", total.compared,
                total.mismatches);
    return static_cast<long>(total.mismatches);
}

} // namespace

{{ testbench.main }}
    const long mismatches = run(vectors_directory(argc, argv));
    {{ testbench.leave.0 }}mismatches == 0 ? 0 : 1{{ testbench.leave.1 }};
}
