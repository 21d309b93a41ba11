#pragma once
#include "ap_fixed.h"
#include "ap_int.h"
#include "common.h"

template <class T> void load(T &x, code bits) {
  constexpr int width = T::width;
  x.range((width < 64 ? width : 64) - 1, 0) = ap_uint<64>(bits.low);
  if constexpr (width > 64) x.range(width - 1, 64) = ap_uint<64>(bits.high);
}

template <class T> code store(const T &x) {
  constexpr int width = T::width;
  code bits = {x.range((width < 64 ? width : 64) - 1, 0).to_uint64(), 0};
  if constexpr (width > 64) bits.high = x.range(width - 1, 64).to_uint64();
  return bits;
}

template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
void describe(const ap_fixed<W, I, Q, O, N> &) {
  std::printf("fixed<%d,%d> ", W, I);
}
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
void describe(const ap_ufixed<W, I, Q, O, N> &) {
  std::printf("ufixed<%d,%d> ", W, I);
}
template <int W> void describe(const ap_int<W> &) { std::printf("fixed<%d,%d> ", W, W); }
template <int W> void describe(const ap_uint<W> &) { std::printf("ufixed<%d,%d> ", W, W); }
#ifdef VENDOR_HEADERS
// The results of a few operators are of the vendor's base class.
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
void describe(const ap_fixed_base<W, I, true, Q, O, N> &) {
  std::printf("fixed<%d,%d> ", W, I);
}
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
void describe(const ap_fixed_base<W, I, false, Q, O, N> &) {
  std::printf("ufixed<%d,%d> ", W, I);
}
#endif
