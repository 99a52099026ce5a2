// A layer or an archive of any bytes, unpacked in each of the four ways by root into a directory on a tmpfs of its own:
// nothing beside the directory changes, and what was unpacked can be removed.
#include "../sandbox/unpack.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../sandbox/listing.h"
#include "target.h"

namespace {

constexpr const char* kRoot = "root";
constexpr const char* kOutside = "outside";
constexpr int kWays = 4;

// A place that other processes do not see and that is gone with this one: 64 MiB, 20,000 inodes.
Fd openPlace() {
  char name[] = "/tmp/tsbuild-fuzz-XXXXXX";
  if (mkdtemp(name) == nullptr || unshare(CLONE_NEWNS) != 0 || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("tmpfs", name, "tmpfs", 0, "size=64m,nr_inodes=20k,mode=0755") != 0) {
    std::perror("a tmpfs to unpack on (root is needed)");
    std::exit(2);
  }
  Fd place(open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  umount2(name, MNT_DETACH);  // reached by the descriptor alone from here on
  rmdir(name);
  const Fd outside(openat(place.get(), kOutside, O_CREAT | O_WRONLY | O_CLOEXEC, 0640));
  if (!outside.valid() || write(outside.get(), "kept", 4) != 4) violated("a file beside the root");
  return place;
}

struct Seen {
  struct stat file, directory;
};

Seen look(int place) {
  Seen seen{};
  if (fstatat(place, kOutside, &seen.file, AT_SYMLINK_NOFOLLOW) != 0 || fstat(place, &seen.directory) != 0) violated("the file beside the root is there");
  return seen;
}

bool same(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

void checkOutside(int place, const Seen& before) {
  const Seen after = look(place);
  const struct stat &a = before.file, &b = after.file;
  if (a.st_ino != b.st_ino || a.st_mode != b.st_mode || a.st_uid != b.st_uid || a.st_nlink != b.st_nlink || a.st_size != b.st_size ||
      !same(a.st_mtim, b.st_mtim) || !same(a.st_ctim, b.st_ctim)) {
    violated("the file beside the root is as it was");
  }
  if (!same(before.directory.st_mtim, after.directory.st_mtim) || before.directory.st_mode != after.directory.st_mode) {
    violated("the directory above the root is as it was");
  }
}

UnpackPolicy policyOf(int way) {
  UnpackPolicy policy;
  switch (way) {
    case 0: policy.kind = UnpackPolicy::Kind::LayerIntoDirectory; break;
    case 1: policy.kind = UnpackPolicy::Kind::LayerIntoView; break;
    case 2: policy.kind = UnpackPolicy::Kind::Archive; break;
    default:
      policy.kind = UnpackPolicy::Kind::Archive;
      policy.base = "a/b/";
      policy.hasOwner = policy.hasMode = true;
      policy.uid = policy.gid = 7;
      policy.mode = 0751;
  }
  return policy;
}

void unpackInto(int place, const Operation& operation, UnpackPolicy policy, int tar) {
  const Fd root(openat(place, kRoot, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (symlinkat("../outside", root.get(), "out") != 0 || symlinkat("..", root.get(), "up") != 0) violated("links out of the root");
  TarReader reader(operation, tar, "the archive");
  Unpacking unpacking(operation, root.get(), std::move(policy));
  unpacking.makeBase();
  TarMember member;
  while (reader.next(member)) unpacking.member(reader, member);
  unpacking.finish();
  reader.drain();
}

void tryWay(int place, int start, int way, Bytes tar) {
  const Fd fd = memoryFile(tar);
  Job job;
  const Operation operation{job, "fuzz"};
  if (mkdirat(place, kRoot, 0755) != 0) violated("a new root");
  const Seen before = look(place);
  try {
    unpackInto(place, operation, policyOf(way), fd.get());
  } catch (const Ended& ended) {
    if (ended.error == 0) violated("unpacking does not end the job by itself");
  }
  checkOutside(place, before);
  if (fchdir(start) != 0) violated("the way back");  // a job may end in any directory
  try {
    removeEntry(operation, place, kRoot, kRoot);
  } catch (const Ended& ended) {
    violated("what was unpacked can be removed: " + ended.detail + ": " + std::strerror(ended.error));
  }
}

}  // namespace

void fuzzOne(Bytes input) {
  static const Fd start(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  static const Fd place = openPlace();
  const std::vector<uint8_t> tar = withChecksums(input);
  for (int way = 0; way < kWays; way++) tryWay(place.get(), start.get(), way, tar);
}
