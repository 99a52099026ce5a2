// Operations that give up privileges, in the order in which src/sandbox/plan.ts lists them. All run in the step's
// process, after its root is in place (see operations.h).
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "landlock.h"
#include "operations.h"

namespace {

constexpr int kCapabilityCountMax = 64;

}  // namespace

// With CAP_SYS_ADMIN. A kernel that cannot do it is said to the user.
void scopeAbstractSockets(StepContext& step) {
  const int error = landlockScopeAbstractSockets();
  if (error == 0) return;
  if (error != EOPNOTSUPP) step.failWith("landlock_restrict_self", error, "");
  warn(step.job, "this kernel cannot close the host's abstract sockets off (Landlock 6, Linux 6.12)");
}

// u64 mask of those to keep. With CAP_SETPCAP. Never raises: those that are gone stay gone.
void dropBoundingCapabilities(StepContext& step) {
  const uint64_t kept = step.spec.u64();
  step.requireSpec();
  for (int capability = 0; capability < kCapabilityCountMax; capability++) {
    const int present = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (present < 0) break;  // the kernel knows no more of them
    if (present == 0 || (kept >> capability & 1) != 0) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) step.failErrno("prctl", std::to_string(capability));
  }
}

// bytes: sock_filter instructions. With CAP_SYS_ADMIN, because no_new_privs stays off: sudo has to work. The filter must
// allow what the operations after this one call.
void installSeccomp(StepContext& step) {
  const std::string_view bytes = step.spec.bytes();
  step.requireSpec();
  std::vector<sock_filter> instructions(bytes.size() / sizeof(sock_filter));
  std::memcpy(instructions.data(), bytes.data(), instructions.size() * sizeof(sock_filter));
  const sock_fprog program{static_cast<unsigned short>(instructions.size()), instructions.data()};
  // SPEC_ALLOW, as runc: else kernels before 5.16 slow every filtered process down against speculative store bypass.
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) != 0) step.failErrno("seccomp", "");
}

// u32 uid, u32 gid, bool: whether groups are set, groups. A user namespace of one id keeps its caller's groups. With CAP_SETGID and CAP_SETUID; leaving uid 0 clears the effective and permitted sets.
void becomeUser(StepContext& step) {
  const uid_t uid = step.spec.u32();
  const gid_t gid = step.spec.u32();
  const bool setsGroups = step.spec.boolean();
  const uint32_t count = step.spec.u32();
  std::vector<gid_t> groups;
  for (uint32_t i = 0; i < count && !step.spec.failed(); i++) groups.push_back(step.spec.u32());
  step.requireSpec();
  if (setsGroups && syscall(SYS_setgroups, groups.size(), groups.data()) != 0) step.failErrno("setgroups", std::to_string(gid));
  if (syscall(SYS_setresgid, gid, gid, gid) != 0) step.failErrno("setresgid", std::to_string(gid));
  if (syscall(SYS_setresuid, uid, uid, uid) != 0) step.failErrno("setresuid", std::to_string(uid));
}

// u64 mask: what of the permitted capabilities stays permitted and effective. Inheritable and ambient become empty, so
// that a program with file capabilities gains nothing from its caller (CVE-2022-24769).
void setCapabilities(StepContext& step) {
  const uint64_t kept = step.spec.u64();
  step.requireSpec();
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (syscall(SYS_capget, &header, sets) != 0) step.failErrno("capget", "");
  for (int half = 0; half < 2; half++) {
    sets[half].permitted &= static_cast<uint32_t>(kept >> (32 * half));
    sets[half].effective = sets[half].permitted;
    sets[half].inheritable = 0;
  }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) step.failErrno("prctl", "ambient");
  if (syscall(SYS_capset, &header, sets) != 0) step.failErrno("capset", "");
}
