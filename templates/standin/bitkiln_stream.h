// A queue: what the stand-ins for the vendors' streams share.
#ifndef BITKILN_STREAM_H
#define BITKILN_STREAM_H

#include <cstdio>
#include <cstdlib>

namespace bitkiln {

// Tokens in the order of their writes. Reading from an empty stream ends the program.
template <class T> class Stream {
  public:
    Stream() : first_(0), last_(0) {}

    ~Stream() {
        while (first_) {
            pop();
        }
    }

    void write(const T &token) {
        Entry *const entry = new Entry(token);
        (first_ ? last_->next : first_) = entry;
        last_ = entry;
    }

    T read() {
        if (!first_) {
            std::printf("bitkiln: a process reads from an empty stream\n");
            std::exit(1);
        }
        const T token = first_->token;
        pop();
        return token;
    }

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
