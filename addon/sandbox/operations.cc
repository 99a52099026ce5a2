// See operations.h.
#include "operations.h"

#include <cerrno>
#include <iterator>

namespace {

struct Entry {
  const char* name;
  void (*run)(StepContext&);
};

// An operation's code is its place here, counted from 1; the same order stands in src/sandbox/encode.ts.
constexpr Entry kOperations[] = {
    {"set host name", setHostName},
    {"bring loopback up", bringLoopbackUp},
    {"mount view", mountViewAside},
    {"mount", mountFileSystem},
    {"bind", bindTree},
    {"mask", maskPaths},
    {"protect", protectPaths},
    {"make directory", makeDirectory},
    {"make device", makeDevice},
    {"make link", makeLink},
    {"make file", makeFile},
    {"connect output", connectOutput},
    {"pivot root", pivotRoot},
    {"change directory", changeDirectory},
    {"join session keyring", joinSessionKeyring},
    {"limit", limitResource},
    {"set file mode mask", setFileModeMask},
    {"scope abstract sockets", scopeAbstractSockets},
    {"drop bounding capabilities", dropBoundingCapabilities},
    {"install seccomp filter", installSeccomp},
    {"become user", becomeUser},
    {"set capabilities", setCapabilities},
    {"exec", execute},
    {"open tree", openTree},
    {"make read-only", makeReadOnly},
    {"make user namespace", makeUserNamespace},
    {"enter user namespace", enterStepUserNamespace},
    {"set kernel parameter", setKernelParameter},
    {"open aside", openAside},
    {"place directory", placeDirectory},
    {"place file", placeFile},
    {"place copy", placeCopy},
    {"lend", lendPath},
    {"supervise", supervise},
    {"confine to root", confineToRoot},
    {"change root", changeRoot},
};

}  // namespace

Place StepContext::readPlace() {
  Place place;
  place.slot = spec.string();
  place.path = spec.string();
  return place;
}

void StepContext::requireSpec() {
  if (spec.failed()) failWith("", EINVAL, "", "malformed specification");
}

Slot& StepContext::slot(const std::string& name) {
  const auto found = slots.find(name);
  if (found == slots.end()) failWith("", EINVAL, name, "no mount has this name");
  return found->second;
}

void StepContext::failErrno(std::string_view syscall, std::string_view path) { failWith(syscall, errno, path); }

void StepContext::failWith(std::string_view syscall, int error, std::string_view path, std::string_view detail) {
  fail(job, index, operation, syscall, error, path, detail);
}

void StepContext::failWith(const Failure& failure) {
  failWith(failure.syscall, failure.error, failure.path, failure.detail);
}

void carryOut(StepContext& step) {
  const uint32_t count = step.spec.u32();
  for (uint32_t i = 0; i < count; i++) {
    step.index = static_cast<uint16_t>(i + 1);  // operation 0 was the clone
    step.operation = "read operation";
    const uint8_t code = step.spec.u8();
    step.requireSpec();
    if (code == 0 || code > std::size(kOperations)) step.failWith("", EINVAL, "", "unknown operation");
    step.operation = kOperations[code - 1].name;
    kOperations[code - 1].run(step);
  }
  step.failWith("", EINVAL, "", "the last operation is not exec");
}
