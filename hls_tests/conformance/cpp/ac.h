#pragma once
#include "ac_fixed.h"
#include "ac_int.h"
#include "common.h"

template <class T> void load(T &x, code bits) {
  constexpr int width = T::width;
  x.set_slc(0, ac_int<(width < 64 ? width : 64), false>(bits.low));
  if constexpr (width > 64) x.set_slc(64, ac_int<width - 64, false>(bits.high));
}

template <class T> code store(const T &x) {
  constexpr int width = T::width;
  constexpr int low = width < 64 ? width : 64;
  code bits = {ac_int<low, false>(x.template slc<low>(0)).to_uint64(), 0};
  if constexpr (width > 64)
    bits.high = ac_int<width - 64, false>(x.template slc<width - 64>(64)).to_uint64();
  return bits;
}

template <int W, int I, bool S, ac_q_mode Q, ac_o_mode O>
void describe(const ac_fixed<W, I, S, Q, O> &) {
  std::printf("%sfixed<%d,%d> ", S ? "" : "u", W, I);
}
template <int W, bool S> void describe(const ac_int<W, S> &) {
  std::printf("%sfixed<%d,%d> ", S ? "" : "u", W, W);
}
