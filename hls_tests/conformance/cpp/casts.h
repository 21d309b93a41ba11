// Casts: a line for each pair of types, a result for each code.
#pragma once

template <class T> numbers<T>::numbers() : count(static_cast<int>(read_word())) {
  for (int i = 0; i < count; i++) {
    const word high = read_word();
    load(at[i], code{read_word(), high});
  }
}

template <class To, class From> void convert(const numbers<From> &from) {
  for (int i = 0; i < from.count; i++) {
    To to(from.at[i]);
    print(store(to));
  }
  std::printf("\n");
}

template <class From, class... To> void casts() {
  const numbers<From> from;
  (convert<To>(from), ...);
}

// A count, then so many doubles by their bits; the same for all targets.
struct doubles {
  double at[4096];
  int count;
  doubles() : count(static_cast<int>(read_word())) {
    for (int i = 0; i < count; i++) {
      const word bits = read_word();
      std::memcpy(&at[i], &bits, sizeof bits);
    }
  }
};

template <class To> void convert(const doubles &from) {
  for (int i = 0; i < from.count; i++) {
    To to(from.at[i]);
    print(store(to));
  }
  std::printf("\n");
}

template <class... To> void casts_of_doubles() {
  const doubles from;
  (convert<To>(from), ...);
}
