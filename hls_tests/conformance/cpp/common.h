// Shared by the conformance programs of both vendors: codes are read from stdin, results written to
// stdout. `load`, `store` and `describe` are the vendor's (ap.h, ac.h).
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

typedef unsigned long long word;

// The bits of a number of up to 128 bits.
struct code {
  word low, high;
};

constexpr int most_codes = 64;

inline word read_word() {
  word value = 0;
  if (std::scanf("%llx", &value) != 1) {
    std::fprintf(stderr, "the input ends too early\n");
    std::exit(2);
  }
  return value;
}

// A count, then so many codes, each as its high and low word.
template <class T> struct numbers {
  T at[most_codes];
  int count;
  numbers();
};

inline void print(code bits) {
  if (bits.high != 0)
    std::printf("%llx%016llx ", bits.high, bits.low);
  else
    std::printf("%llx ", bits.low);
}
