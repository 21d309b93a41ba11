// A queue: what the stand-ins for the vendors' streams share. Without a limit, for processes that run
// one after the other; with BITKILN_NETWORK, a FIFO between processes that run side by side.
#ifndef BITKILN_STANDIN_STREAM_H
#define BITKILN_STANDIN_STREAM_H

#include <cstdio>
#include <cstdlib>

#ifdef BITKILN_NETWORK
#include "bitkiln_network.h"
#else

namespace bitkiln {

// The waiting of a process before it uses a stream: none.
struct Channel {
    void before_read() {}
    void before_write() {}
};

} // namespace bitkiln

#endif

namespace bitkiln {

// Tokens in the order of their writes. Reading from an empty stream ends the program.
template <class T> class Stream : public Channel {
  public:
    Stream() : first_(0), last_(0) {}

    ~Stream() {
        while (first_) {
            pop();
        }
    }

    void write(const T &token) {
        before_write();
        Entry *const entry = new Entry(token);
        (first_ ? last_->next : first_) = entry;
        last_ = entry;
    }

    T read() {
        before_read();
        if (!first_) {
            std::printf("bitkiln: a process reads from an empty stream\n");
            std::exit(1);
        }
        const T token = first_->token;
        pop();
        return token;
    }

    bool empty() const { return !first_; }

  private:
    struct Entry {
        explicit Entry(const T &it) : token(it), next(0) {}

        T token;
        Entry *next;
    };

    Stream(const Stream &);
    Stream &operator=(const Stream &);

    void pop() {
        Entry *const entry = first_;
        first_ = entry->next;
        delete entry;
    }

    Entry *first_;
    Entry *last_;
};

} // namespace bitkiln

#endif
