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
      std::printf("%d%d%d%d%d%d\n", x == y, x != y, x < y, x <= y, x > y, x >= y);
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
  describe(a.at[0] / b.at[0]);
  describe(a.at[0] % b.at[0]);
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

template <class A> void unary(int most) {
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
    std::printf("%d %u %lld %a\n", x.to_int(), x.to_uint(), (long long)x.to_int64(), x.to_double());
  }
}
