// Code of generated projects and their users with ap_types.
#pragma once
#include <iostream>

typedef ap_fixed<8, 3, AP_RND_CONV, AP_SAT> in_t;
typedef ap_ufixed<4, 2, AP_RND, AP_SAT> out_t;

inline void spelling() {
  // Codes in and out by range(), whole and in part.
  in_t x = 1.375, y = 0;
  const ap_int<8> raw = -5;
  y.range() = raw;
  x(7, 4) = y.range(3, 0);
  x[2] = 1;
  x[1] = y[0];
  const in_t fixed = x;
  const ap_uint<8> bits = fixed.range();
  const ap_uint<4> part = fixed.range(5, 2);
  std::cout << x << ' ' << y << ' ' << bits << ' ' << part << ' ' << x.range().to_uint64() << '\n';

  // Accumulators, and native numbers beside fixed-point ones.
  ap_fixed<20, 10> sum = 0;
  for (int i = 0; i < 10; i++) sum += x * y;
  sum = sum + 1;
  sum -= y;
  sum *= 2;
  out_t out = sum;
  ap_ufixed<4, 2, AP_TRN, AP_WRAP, 2> wrapped = sum;
  std::cout << sum << ' ' << out << ' ' << wrapped << ' ' << -sum << ' ' << (sum << 2).to_double()
            << ' ' << (sum >> 2) << ' ' << sum.to_double() << ' ' << sum.to_int() << '\n';
  std::cout << (x > y) << (x == y) << (x != 0) << (0.5 < sum.to_double()) << (x >= 1) << (2 > y)
            << (x < 0.75) << !x << '\n';

  // Integers index tables, count, and become native numbers.
  const int table[16] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};
  ap_uint<4> index = out.range();
  int found = table[index];
  for (ap_uint<3> i = 0; i < 5; i++) found += table[i] * int(i);
  ++index;
  index += 20;
  index <<= 1;
  ap_int<6> whole = fixed;
  whole = index;
  const long long native = whole.to_int64();
  std::cout << found << ' ' << index << ' ' << whole << ' ' << native << ' ' << (index & 5) << ' '
            << (whole | 1) << ' ' << (whole ^ index) << ' ' << ~whole << ' ' << (index / 3u) << ' '
            << (raw % ap_int<3>(3)) << '\n';
  std::cout << (int)x << ' ' << (float)y << ' ' << (x > y ? x : y) << '\n';
}
