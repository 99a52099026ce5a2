// One request as it came from Node: a packet of header and descriptors, the first of which is the specification.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fd.h"
#include "job.h"

// The mapped bytes of a sealed memfd.
class Specification {
 public:
  Specification() = default;
  Specification(const Specification&) = delete;
  Specification& operator=(const Specification&) = delete;
  ~Specification();
  // 0 or an errno.
  int map(int fd);
  SpecReader reader() const { return SpecReader(data_, size_); }

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

struct Request {
  uint32_t id = 0;
  JobKind kind = JobKind::Stop;
  Fd spec;
  std::vector<Fd> fds;
};

enum class Received { Request, Nothing, End };

// Takes one packet from the socket without waiting. `End` when Node closed its side, or is dead, or sent nonsense.
Received receiveRequest(int socketFd, Request& request);
