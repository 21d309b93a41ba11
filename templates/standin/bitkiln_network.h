// Processes that run side by side, a coroutine each, between FIFOs of bounded depth.
//
// A process begins an iteration when all the tokens that it reads in it are there, and a slot for each
// token that it writes, like a stage of a pipeline. Its reads and writes must be those of its schedule.
#ifndef BITKILN_STANDIN_NETWORK_H
#define BITKILN_STANDIN_NETWORK_H

#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 600
#endif
#include <sys/mman.h>
#include <ucontext.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace bitkiln {

class Process;

// A FIFO between two processes: its name, its depth, and the tokens in it.
class Channel {
  public:
    Channel() : depth(0), filled(0), writer(0), reader(0) {}

    inline void before_read();
    inline void before_write();

    std::string name;
    unsigned long depth;
    unsigned long filled;
    Process *writer;
    Process *reader;
};

// A read or a write of a token.
struct Access {
    Channel *channel;
    bool is_write;

    // True if the token, or the slot for it, is not there.
    bool is_blocked() const {
        return is_write ? channel->filled >= channel->depth : channel->filled == 0;
    }

    std::string text() const { return (is_write ? "writes '" : "reads '") + channel->name + "'"; }
};

// Consecutive iterations with the same accesses.
struct Step {
    unsigned long iterations;
    std::vector<Access> accesses;
};

// A process: the function that runs it for a frame, its schedule, and its next access.
class Process {
  public:
    Process(const char *name, void (*run_frame)())
        : name(name), run_frame(run_frame), frame(0), is_started(false), step_(0), iteration_(0), access_(0),
          count_(0) {}

    // The process that runs; none outside of a network.
    static Process *&running() {
        static Process *process = 0;
        return process;
    }

    // The first access of the next iteration that cannot be made; none if the iteration can begin.
    const Access *blocked() const {
        const std::vector<Access> &accesses = steps[step_].accesses;
        for (size_t n = 0; n < accesses.size(); n++) {
            if (accesses[n].is_blocked()) {
                return &accesses[n];
            }
        }
        return 0;
    }

    // Makes an access, once its iteration can begin.
    void access(Channel &channel, bool is_write) {
        while (access_ == 0 && blocked()) {
            swapcontext(&context_, &scheduler());
        }
        const Access is = {&channel, is_write};
        const Access &due = steps[step_].accesses[access_];
        if (due.channel != &channel || due.is_write != is_write) {
            fail(is.text() + ", its schedule " + due.text());
        }
        is_write ? channel.filled++ : channel.filled--;
        count_++;
        if (++access_ < steps[step_].accesses.size()) {
            return;
        }
        access_ = 0;
        if (++iteration_ == steps[step_].iterations) {
            iteration_ = 0;
            step_ = (step_ + 1) % steps.size();
        }
    }

    // Runs the process until its next iteration cannot begin, or all frames are done.
    void resume(unsigned long frames) {
        if (!is_started) {
            is_started = true;
            start(frames);
        }
        running() = this;
        swapcontext(&scheduler(), &context_);
        running() = 0;
    }

    const std::string name;
    void (*const run_frame)();
    std::vector<Step> steps;
    // Frames that are done.
    unsigned long frame;
    bool is_started;

  private:
    // Address space of a stack, of which pages are used as they are needed.
    static const size_t STACK = size_t(256) << 20;

    static ucontext_t &scheduler() {
        static ucontext_t context;
        return context;
    }

    static unsigned long &frames() {
        static unsigned long frames = 0;
        return frames;
    }

    void start(unsigned long count) {
        frames() = count;
        void *const stack =
            mmap(0, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
        if (stack == MAP_FAILED || getcontext(&context_) != 0) {
            std::printf("bitkiln: no memory for the stack of a process\n");
            std::exit(1);
        }
        context_.uc_stack.ss_sp = stack;
        context_.uc_stack.ss_size = STACK;
        context_.uc_link = &scheduler();
        makecontext(&context_, run_frames, 0);
    }

    static void run_frames() {
        Process &process = *running();
        while (process.frame < frames()) {
            process.count_ = 0;
            process.run_frame();
            if (process.step_ != 0 || process.iteration_ != 0 || process.access_ != 0) {
                process.fail("ends, its schedule " +
                             process.steps[process.step_].accesses[process.access_].text());
            }
            process.frame++;
        }
    }

    void fail(const std::string &what) const {
        std::printf("bitkiln: process '%s', frame %lu, access %lu: it %s\n", name.c_str(), frame, count_,
                    what.c_str());
        std::exit(1);
    }

    // The next access of the schedule.
    size_t step_;
    unsigned long iteration_;
    size_t access_;
    // Accesses of the frame so far.
    unsigned long count_;
    ucontext_t context_;
};

inline void Channel::before_read() {
    if (Process *const process = Process::running()) {
        process->access(*this, false);
    }
}

inline void Channel::before_write() {
    if (Process *const process = Process::running()) {
        process->access(*this, true);
    }
}

// Processes and the channels between them.
class Network {
  public:
    void add(const char *name, Channel &channel) {
        channel.name = name;
        channels_[name] = &channel;
    }

    void add(const char *name, void (*run_frame)()) { processes_.push_back(new Process(name, run_frame)); }

    // Reads depths and schedules: a line `channel NAME DEPTH` each, then `process NAME` in the order
    // of add(), each with its steps, `ITERATIONS <READ ... >WRITTEN ...`. False for other text.
    bool read(const char *path) {
        std::ifstream file(path);
        std::string line;
        size_t processes = 0;
        while (std::getline(file, line)) {
            std::istringstream words(line);
            std::string first, name;
            words >> first;
            if (first == "channel") {
                words >> name;
                if (!channels_.count(name) || !(words >> channels_[name]->depth)) {
                    return false;
                }
            } else if (first == "process") {
                if (!(words >> name) || processes == processes_.size() || processes_[processes]->name != name) {
                    return false;
                }
                processes++;
            } else if (processes == 0 || !read_step(*processes_[processes - 1], first, words)) {
                return false;
            }
        }
        for (size_t n = 0; n < processes_.size(); n++) {
            if (processes_[n]->steps.empty()) {
                return false;
            }
        }
        return processes == processes_.size();
    }

    // Runs all processes for `frames` frames. False, with a message, if they wait for one another.
    bool run(unsigned long frames) {
        bool has_run = true;
        while (has_run) {
            has_run = false;
            for (size_t n = 0; n < processes_.size(); n++) {
                Process &process = *processes_[n];
                if (process.frame < frames && !process.blocked()) {
                    process.resume(frames);
                    has_run = true;
                }
            }
        }
        for (size_t n = 0; n < processes_.size(); n++) {
            if (processes_[n]->frame < frames) {
                report(processes_[n]);
                return false;
            }
        }
        return true;
    }

  private:
    bool read_step(Process &process, const std::string &iterations, std::istringstream &words) {
        Step step;
        step.iterations = std::strtoul(iterations.c_str(), 0, 10);
        std::string word;
        while (words >> word) {
            const std::string name = word.substr(1);
            if (!channels_.count(name) || (word[0] != '<' && word[0] != '>')) {
                return false;
            }
            const Access access = {channels_[name], word[0] == '>'};
            (access.is_write ? access.channel->writer : access.channel->reader) = &process;
            step.accesses.push_back(access);
        }
        process.steps.push_back(step);
        return step.iterations > 0 && !step.accesses.empty();
    }

    // Prints the processes that wait for one another, from `process` on.
    static void report(Process *process) {
        std::vector<Process *> path;
        std::map<Process *, size_t> positions;
        while (!positions.count(process)) {
            positions[process] = path.size();
            path.push_back(process);
            const Access &access = *process->blocked();
            process = access.is_write ? access.channel->reader : access.channel->writer;
        }
        std::printf("bitkiln: deadlock");
        for (size_t n = positions[process]; n < path.size(); n++) {
            const Access &access = *path[n]->blocked();
            std::printf("%s '%s' waits for a %s of '%s'", n == positions[process] ? ":" : ",",
                        path[n]->name.c_str(), access.is_write ? "slot" : "token",
                        access.channel->name.c_str());
        }
        std::printf("\n");
    }

    std::map<std::string, Channel *> channels_;
    std::vector<Process *> processes_;
};

} // namespace bitkiln

#endif
