// ac_channel<T> for C simulation: an unbounded FIFO. Shipped by Bitkiln.
#ifndef BITKILN_AC_CHANNEL_H
#define BITKILN_AC_CHANNEL_H

#include <cstdio>
#include <cstdlib>
#include <deque>

template <class T> class ac_channel {
public:
  ac_channel() = default;
  ac_channel(const ac_channel &) = delete;
  ac_channel &operator=(const ac_channel &) = delete;

  bool empty() const { return data_.empty(); }
  bool available(unsigned count) const { return data_.size() >= count; }
  unsigned size() const { return static_cast<unsigned>(data_.size()); }
  unsigned debug_size() const { return size(); }
  void reset() { data_.clear(); }

  // Hardware would wait for ever on an empty channel.
  T read() {
    if (data_.empty()) {
      std::fprintf(stderr, "an ac_channel is read while empty\n");
      std::exit(1);
    }
    T head = data_.front();
    data_.pop_front();
    return head;
  }
  void read(T &head) { head = read(); }
  void write(const T &tail) { data_.push_back(tail); }

  bool nb_read(T &head) {
    if (data_.empty()) return false;
    head = read();
    return true;
  }
  bool nb_write(const T &tail) {
    write(tail);
    return true;
  }

private:
  std::deque<T> data_;
};

#endif
