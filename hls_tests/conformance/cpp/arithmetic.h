// Arithmetic: the formats of results on a line, then a line for each operand or pair of operands.
#pragma once
#include "casts.h"

template <class A, class B> void binary() {
  const numbers<A> a;
  const numbers<B> b;
  describe(a.at[0] + b.at[0]);
  describe(a.at[0] - b.at[0]);
  describe(a.at[0] * b.at[0]);
  describe(a.at[0] & b.at[0]);
  std::printf("\n");
  for (int i = 0; i < a.count; i++) {
    for (int j = 0; j < b.count; j++) {
      const A &x = a.at[i];
      const B &y = b.at[j];
      print(store(x + y));
      print(store(x - y));
      print(store(x * y));
      print(store(x & y));
      print(store(x | y));
      print(store(x ^ y));
      std::printf("%d%d%d%d%d%d\n", x == y, x != y, x<y, x <= y, x> y, x >= y);
      A z = x;
      z += y;
      print(store(z));
      z -= y;
      print(store(z));
      z *= y;
      print(store(z));
      std::printf("\n");
    }
  }
}

// Only integers divide.
template <class A, class B> void divisions() {
  const numbers<A> a;
  const numbers<B> b;
  describe(a.at[0] / b.at[1]);
  describe(a.at[0] % b.at[1]);
  std::printf("\n");
  for (int i = 0; i < a.count; i++) {
    for (int j = 0; j < b.count; j++) {
      if (!b.at[j]) continue;
      print(store(a.at[i] / b.at[j]));
      print(store(a.at[i] % b.at[j]));
      std::printf("\n");
    }
  }
}

// `Native`: whether there is an integer part and a native integer holds it. Beyond, ac_fixed does
// not convert; without one, ap_fixed converts negative numbers to whatever it finds in memory.
template <class A, bool Native> void unary(int most) {
  const numbers<A> a;
  describe(-a.at[0]);
  describe(~a.at[0]);
  describe(a.at[0] << 1);
  describe(a.at[0] >> 1);
  std::printf("\n");
  for (int i = 0; i < a.count; i++) {
    const A &x = a.at[i];
    print(store(-x));
    print(store(~x));
    for (int places = -most; places <= most; places++) {
      print(store(x << places));
      print(store(x >> places));
    }
    std::printf("; %a", x.to_double());
    if constexpr (Native)
      std::printf(" %d %u %lld", x.to_int(), x.to_uint(), static_cast<long long>(x.to_int64()));
    std::printf("\n");
  }
}
