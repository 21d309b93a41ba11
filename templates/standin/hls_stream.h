// hls::stream<T> for C simulation: an unbounded FIFO. Shipped by Bitkiln.
#ifndef BITKILN_HLS_STREAM_H
#define BITKILN_HLS_STREAM_H

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <utility>

namespace hls {

template <class T> class stream {
public:
  stream() = default;
  explicit stream(std::string name) : name_(std::move(name)) {}
  stream(const stream &) = delete;
  stream &operator=(const stream &) = delete;

  bool empty() const { return data_.empty(); }
  bool full() const { return false; }
  std::size_t size() const { return data_.size(); }

  // Hardware would wait for ever on an empty stream.
  T read() {
    if (data_.empty()) {
      std::fprintf(stderr, "hls::stream '%s' is read while empty\n", name_.c_str());
      std::exit(1);
    }
    T head = data_.front();
    data_.pop_front();
    return head;
  }
  void read(T &head) { head = read(); }
  void write(const T &tail) { data_.push_back(tail); }

  bool read_nb(T &head) {
    if (data_.empty()) return false;
    head = read();
    return true;
  }
  bool write_nb(const T &tail) {
    write(tail);
    return true;
  }

  void operator>>(T &head) { read(head); }
  void operator<<(const T &tail) { write(tail); }

private:
  std::string name_ = "unnamed";
  std::deque<T> data_;
};

} // namespace hls

#endif
