// Code of generated projects and their users with ac_types.
#pragma once
#include <iostream>

typedef ac_fixed<8, 3, true, AC_RND_CONV, AC_SAT> in_t;
typedef ac_fixed<4, 2, false, AC_RND, AC_SAT> out_t;

inline void spelling() {
  // Codes in and out by slc() and set_slc(), whole and in part.
  in_t x = 1.375, y = 0;
  const ac_int<8> raw = -5;
  y.set_slc(0, raw);
  x.set_slc(4, y.slc<4>(0));
  x[2] = 1;
  x[1] = y[0];
  const in_t fixed = x;
  const ac_int<8, false> bits = fixed.slc<8>(0);
  const ac_int<4, false> part = fixed.slc<4>(2);
  std::cout << x.to_double() << ' ' << y.to_double() << ' ' << bits << ' ' << part << ' '
            << x.slc<8>(0).to_int64() << '\n';

  // Accumulators, and native numbers beside fixed-point ones.
  ac_fixed<20, 10> sum = 0;
  for (int i = 0; i < 10; i++) sum += x * y;
  sum = sum + 1;
  sum -= y;
  sum *= 2;
  out_t out = sum;
  std::cout << sum.to_double() << ' ' << out.to_double() << ' ' << (-sum).to_double() << ' '
            << (sum << 2).to_double() << ' ' << (sum >> 2).to_double() << ' ' << sum.to_int() << ' '
            << sum.to_ac_int() << '\n';
  std::cout << (x > y) << (x == y) << (x != 0) << (x >= 1) << (2 > y) << (x < 0.75) << !x << '\n';

  // Integers index tables, count, and become native numbers.
  const int table[16] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};
  ac_int<4, false> index = out.slc<4>(0);
  int found = table[index];
  for (ac_int<3, false> i = 0; i < 5; i++) found += table[i] * int(i);
  ++index;
  index += 20;
  index <<= 1;
  ac_int<6> whole = index;
  const long long native = whole.to_int64();
  std::cout << found << ' ' << index << ' ' << whole << ' ' << native << ' ' << (index & 5) << ' '
            << (whole | 1) << ' ' << (whole ^ index) << ' ' << ~whole << ' ' << ~index << ' '
            << (index / 3u) << ' ' << (raw % ac_int<3>(3)) << '\n';
  const in_t larger = x > y ? x : y;
  std::cout << larger.to_double() << ' ' << in_t::width << in_t::i_width << in_t::sign << '\n';
}
