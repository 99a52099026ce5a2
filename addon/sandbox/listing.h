// Names in a directory and small things that every walk over a hostile tree needs.
#pragma once
#include <sys/stat.h>

#include <string>
#include <vector>

#include "fd.h"
#include "operation.h"

// A tree deeper than this is refused with its path: each level of a walk holds descriptors and stack.
constexpr size_t kDepthMax = 3000;

// Overlayfs's whiteout. Nobody can make one inside a view (mknod gives EPERM), so it means nothing else.
inline bool isWhiteoutDevice(const struct stat& st) { return S_ISCHR(st.st_mode) && st.st_rdev == 0; }

// The names in the directory, sorted by bytes. The descriptor must be readable and at its start.
std::vector<std::string> listNames(const Operation& operation, int dirFd, const std::string& path);
// Opens the directory `name` for listing, never through a link. Ends the job on errors.
Fd openDirectory(const Operation& operation, int dirFd, const char* name, const std::string& path);
// Opens the regular file `name` for reading, never through a link; never blocks on what turns out to be a fifo.
Fd openFile(const Operation& operation, int dirFd, const char* name, const std::string& path);
// The target of the symbolic link `name`.
std::string readLinkTarget(const Operation& operation, int dirFd, const char* name, const std::string& path);
// Whether both files have the same bytes from their start. The caller has compared the sizes.
bool sameContent(const Operation& operation, int a, int b, const std::string& path);
// Writes all of it to the job's pipe; a reader that went away ends the job with EPIPE instead of a signal.
void writeAll(const Operation& operation, int fd, std::string_view data);
// Lets the job hold as many descriptors as the system allows.
void raiseDescriptorLimit();
// Deletes the directory's content, across permission bits and never through a link. The descriptor must be readable.
void removeContent(const Operation& operation, int dirFd, const std::string& path);
// Deletes `name`, whatever it is; a missing name is fine.
void removeEntry(const Operation& operation, int dirFd, const char* name, const std::string& path);
