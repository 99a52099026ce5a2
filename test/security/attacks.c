// Tries in one RUN what a Dockerfile might try to get out of its step or to change the machine: one line `NAME RESULT` each, where
// RESULT is `done`, `refused` (for what reason depends on the kernel), `nobody` (there is no such process), or what was found.
// Nothing here does harm where it is let through, as far as that can be.
// Arguments: the number of a process of the machine, and a path of the machine that no image has.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static void show(const char *name, long result) {
  const int error = errno;
  printf("%s %s\n", name, result >= 0 ? "done" : error == ESRCH ? "nobody" : "refused");
}
#define TRY(name, call) (errno = 0, show(name, (long)(call)))

static void writes(void) {
  static const char *const paths[] = {
    "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug", "/proc/sys/kernel/poweroff_cmd", "/proc/sys/kernel/sysrq",
    "/proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/randomize_va_space", "/proc/sys/kernel/hostname", "/proc/sys/fs/binfmt_misc/register",
    "/proc/sys/fs/suid_dumpable", "/proc/sys/vm/panic_on_oom", "/proc/sys/vm/drop_caches", "/proc/sys/net/ipv4/ip_forward",
    "/proc/sysrq-trigger", "/proc/irq/default_smp_affinity", "/proc/mtrr", "/proc/acpi/wakeup", "/proc/scsi/scsi", "/proc/bus/pci/devices",
    "/sys/kernel/uevent_helper", "/sys/kernel/vmcoreinfo", "/sys/kernel/mm/ksm/run", "/sys/kernel/debug/x", "/sys/kernel/security/x", "/sys/module/x", "/sys/power/state",
    "/sys/bus/pci/rescan", "/sys/firmware/efi/efivars/x", "/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/memory/release_agent", "/sys/fs/cgroup/cgroup.procs",
    "/sys/devices/system/cpu/cpu0/online", "/sys/class/net/lo/flags", "/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg", "/dev/console", "/dev/tty", "/dev/tty0", "/dev/fuse",
    "/dev/kvm", "/dev/net/tun", "/dev/loop-control", "/dev/vda", "/dev/sda", "/dev/watchdog",
  };
  char name[256];
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    snprintf(name, sizeof name, "write %s", paths[i]);
    TRY(name, open(paths[i], O_WRONLY | O_NONBLOCK));
  }
}

// The byte itself counts: a mask opens, and is empty.
static void reads(void) {
  static const char *const paths[] = {
    "/proc/kcore", "/proc/kmsg", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/latency_stats", "/proc/interrupts", 
    "/proc/kpagecount", "/proc/1/mem", "/sys/firmware/dmi/tables/DMI",
    "/sys/devices/virtual/powercap/intel-rapl/enabled", "/sys/kernel/debug/sched/debug", "/sys/kernel/security/lsm", "/dev/mem", "/dev/kmsg",
  };
  char byte[8];
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    const int fd = open(paths[i], O_RDONLY | O_NONBLOCK);
    const ssize_t size = fd < 0 ? -1 : read(fd, byte, 1);
    printf("read %s %s\n", paths[i], size <= 0 ? "refused" : "done");
    if (fd >= 0) close(fd);
  }
  // Addresses of the kernel are zeros for who may not know them.
  FILE *symbols = fopen("/proc/kallsyms", "r");
  unsigned long long address = 0;
  printf("kernel addresses %s\n", symbols != NULL && fscanf(symbols, "%llx", &address) == 1 && address != 0 ? "shown" : "hidden");
}

static void mounts(void) {
  mkdir("/m", 0755);
  static const char *const types[] = {"proc", "sysfs", "tmpfs", "cgroup", "cgroup2", "devtmpfs", "overlay", "debugfs", "binfmt_misc", "bpf", "ext4", "fuse", "nfs"};
  char name[64];
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    snprintf(name, sizeof name, "mount %s", types[i]);
    TRY(name, mount("none", "/m", types[i], 0, ""));
  }
  TRY("mount --bind", mount("/proc", "/m", NULL, MS_BIND, NULL));
  TRY("mount -o remount,rw /proc/sys", mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
  TRY("mount --make-shared", mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL));
  TRY("umount mask", umount2("/proc/keys", MNT_DETACH));
  TRY("umount /sys", umount2("/sys", MNT_DETACH));
  TRY("pivot_root", syscall(SYS_pivot_root, "/m", "/m"));
  TRY("fsopen", syscall(430, "tmpfs", 0));
  TRY("fspick", syscall(433, AT_FDCWD, "/", 0));
  TRY("open_tree", syscall(428, AT_FDCWD, "/", 1));
  TRY("move_mount", syscall(429, AT_FDCWD, "/proc", AT_FDCWD, "/m", 0));
  TRY("mount_setattr", syscall(442, AT_FDCWD, "/", 0, NULL, 0));
}

static int nothing(void *unused) { (void)unused; return 0; }

static void namespaces(void) {
  static char stack[65536] __attribute__((aligned(16)));
  static const struct { const char *name; int flag; const char *file; } kinds[] = {
    {"user", CLONE_NEWUSER, "user"}, {"mnt", CLONE_NEWNS, "mnt"}, {"pid", CLONE_NEWPID, "pid"}, {"net", CLONE_NEWNET, "net"}, {"ipc", CLONE_NEWIPC, "ipc"},
    {"uts", CLONE_NEWUTS, "uts"}, {"cgroup", 0x02000000, "cgroup"}, {"time", 0x80, "time"},
  };
  char name[64], path[64];
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    snprintf(name, sizeof name, "unshare %s", kinds[i].name);
    TRY(name, unshare(kinds[i].flag));
    snprintf(name, sizeof name, "clone %s", kinds[i].name);
    if (kinds[i].flag != 0x80) TRY(name, clone(nothing, stack + sizeof stack, kinds[i].flag | SIGCHLD, NULL));
    snprintf(name, sizeof name, "setns %s", kinds[i].name);
    snprintf(path, sizeof path, "/proc/1/ns/%s", kinds[i].file);
    const int fd = open(path, O_RDONLY);
    TRY(name, setns(fd, 0));
    close(fd);
  }
  TRY("clone3", syscall(SYS_clone3, NULL, 0));
  while (wait(NULL) > 0) {
  }
}

static void processes(pid_t host) {
  struct rlimit limit = {1, 1};
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(0, &cpus);
  char buffer[8];
  struct iovec local = {buffer, sizeof buffer}, remote = {(void *)0x400000, sizeof buffer};
  TRY("kill of the machine's process", kill(host, 0));
  TRY("ptrace of the machine's process", ptrace(PTRACE_SEIZE, host, 0, 0));
  TRY("prlimit of the machine's process", prlimit(host, RLIMIT_CORE, &limit, NULL));
  TRY("sched_setaffinity of the machine's process", sched_setaffinity(host, sizeof cpus, &cpus));
  TRY("setpriority of the machine's process", setpriority(PRIO_PROCESS, host, 19));
  TRY("process_vm_readv of the machine's process", process_vm_readv(host, &local, 1, &remote, 1, 0));
  TRY("pidfd_open of the machine's process", syscall(434, host, 0));
  TRY("kcmp", syscall(SYS_kcmp, host, 1, 0, 0, 0));
  TRY("setpgid to the machine's group", setpgid(0, host));
  int seen = 0;
  DIR *proc = opendir("/proc");
  for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
    const int number = atoi(entry->d_name);
    if (number > 0 && number != getpid() && number != 1) seen++;
  }
  printf("other processes %d\n", seen);
  TRY("kill(0)", kill(0, 0));
}

static void descriptors(const char *hostPath) {
  char path[64], target[256], name[300];
  for (int fd = 0; fd < 256; fd++) {
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const ssize_t size = readlink(path, target, sizeof target - 1);
    if (size < 0) continue;
    target[size] = 0;
    if (strncmp(target, "pipe:", 5) == 0) strcpy(target, "pipe");
    printf("descriptor %d %s\n", fd, target);
  }
  snprintf(name, sizeof name, "/proc/1/root%s", hostPath);
  TRY("/proc/1/root", access(name, F_OK));
  snprintf(name, sizeof name, "/proc/self/cwd/../../../../../..%s", hostPath);
  TRY("/proc/self/cwd", access(name, F_OK));
  TRY("/proc/self/map_files", open("/proc/self/map_files/0-0", O_RDONLY));
}

static void handles(void) {
  struct { struct file_handle head; unsigned char bytes[128]; } handle = {.head = {.handle_bytes = 128}};
  TRY("open_by_handle_at", open_by_handle_at(AT_FDCWD, &handle.head, O_RDONLY));
  mknod("/disk", S_IFBLK | 0600, 254 << 8);
  mknod("/mem", S_IFCHR | 0600, 1 << 8 | 1);
  TRY("mknod of a disk", open("/disk", O_RDONLY));
  TRY("mknod of memory", open("/mem", O_RDONLY));
  unlink("/disk");
  unlink("/mem");
}

static int netlink(uint16_t type, uint16_t flags, const void *body, size_t size) {
  const int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  struct { struct nlmsghdr head; char body[64]; } message = {.head = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags}};
  memcpy(message.body, body, size);
  message.head.nlmsg_len = NLMSG_LENGTH(size);
  struct { struct nlmsghdr head; struct nlmsgerr error; char rest[256]; } answer;
  if (fd < 0 || send(fd, &message, message.head.nlmsg_len, 0) < 0 || recv(fd, &answer, sizeof answer, 0) < 0) return -1;
  close(fd);
  errno = -answer.error.error;
  return answer.error.error == 0 ? 0 : -1;
}

static void sockets(void) {
  static const struct { const char *name; int family, type, protocol; } kinds[] = {
    {"AF_ALG", 38, SOCK_SEQPACKET, 0}, {"AF_VSOCK", 40, SOCK_STREAM, 0}, 
    {"AF_PACKET", AF_PACKET, SOCK_RAW, 0}, {"raw", AF_INET, SOCK_RAW, IPPROTO_ICMP}, {"AF_DECnet", 12, SOCK_STREAM, 0},
    {"AF_IRDA", 23, SOCK_STREAM, 0}, {"AF_CAIF", 37, SOCK_SEQPACKET, 0}, {"a family that is not there", 46, SOCK_STREAM, 0},
  };
  char name[64];
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    snprintf(name, sizeof name, "socket %s", kinds[i].name);
    TRY(name, socket(kinds[i].family, kinds[i].type, kinds[i].protocol));
  }
  struct ifinfomsg down = {.ifi_index = 1, .ifi_change = IFF_UP};
  struct ifinfomsg dummy = {0};
  struct rtmsg route = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC, .rtm_type = RTN_BLACKHOLE};
  TRY("netlink: lo down", netlink(RTM_NEWLINK, 0, &down, sizeof down));
  TRY("netlink: new link", netlink(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &dummy, sizeof dummy));
  TRY("netlink: route", netlink(RTM_NEWROUTE, NLM_F_CREATE, &route, sizeof route));
  struct ifreq request = {.ifr_name = "lo"};
  TRY("ioctl: lo down", ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &request));
  struct sockaddr_in outside = {.sin_family = AF_INET, .sin_port = htons(53), .sin_addr = {htonl(0x01010101)}};
  TRY("connect to the world", connect(socket(AF_INET, SOCK_DGRAM, 0), (struct sockaddr *)&outside, sizeof outside));
}

static void ipc(void) {
  int segments = 0;
  FILE *list = fopen("/proc/sysvipc/shm", "r");
  char line[512];
  while (list != NULL && fgets(line, sizeof line, list) != NULL) segments++;
  printf("shared memory of others %d\n", segments - 1);
  DIR *queues = opendir("/dev/mqueue");
  int count = 0;
  for (struct dirent *entry; queues != NULL && (entry = readdir(queues)) != NULL;) count += entry->d_name[0] != '.';
  printf("message queues of others %d\n", count);
}

static void privileges(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct all[2] = {{~0U, ~0U, 0}, {~0U, ~0U, 0}};
  TRY("capset of everything", syscall(SYS_capset, &header, all));
  TRY("ambient CAP_SYS_ADMIN", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0));
  TRY("personality without ASLR", personality(ADDR_NO_RANDOMIZE));
  TRY("personality MMAP_PAGE_ZERO", personality(MMAP_PAGE_ZERO));
  TRY("PR_SET_MM", prctl(PR_SET_MM, PR_SET_MM_START_CODE, 4096, 0, 0));
  struct rlimit most = {RLIM_INFINITY, RLIM_INFINITY};
  TRY("memlock without limit", setrlimit(RLIMIT_MEMLOCK, &most));
  TRY("nice -20", setpriority(PRIO_PROCESS, 0, -20));
  struct sched_param realtime = {.sched_priority = 50};
  TRY("real time", sched_setscheduler(0, SCHED_FIFO, &realtime));
  TRY("ioprio real time", syscall(SYS_ioprio_set, 1, 0, 1 << 13));
  struct timex clock = {.modes = ADJ_FREQUENCY};
  TRY("adjtimex", adjtimex(&clock));
  const int offsets = open("/proc/self/timens_offsets", O_WRONLY);
  TRY("offsets of clocks", write(offsets, "monotonic 1 0\n", 14));
  struct timespec now = {0};
  TRY("clock_settime", syscall(SYS_clock_settime, 0, &now));
  const int oom = open("/proc/self/oom_score_adj", O_WRONLY);
  TRY("oom_score_adj -1000", write(oom, "-1000", 5));
  TRY("userfaultfd", syscall(SYS_userfaultfd, 0));
  TRY("io_uring", syscall(425, 1, NULL));
  TRY("bpf", syscall(SYS_bpf, 0, NULL, 0));
  TRY("perf", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
  TRY("fanotify", syscall(SYS_fanotify_init, 0, 0));
  TRY("keyctl", syscall(SYS_keyctl, 0, -3, 0));
  TRY("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3));
  TRY("quotactl", syscall(SYS_quotactl, 0, NULL, 0, NULL));
  TRY("acct", syscall(SYS_acct, "/m/acct"));
  TRY("swapon", syscall(SYS_swapon, "/m/swap", 0));
  TRY("kexec", syscall(SYS_kexec_load, 0, 0, NULL, 0));
  TRY("reboot", syscall(SYS_reboot, 0, 0, 0, NULL));
  TRY("init_module", syscall(SYS_init_module, NULL, 0, ""));
  TRY("syslog", syscall(SYS_syslog, 10, NULL, 0));
  TRY("sethostname", sethostname("x", 1));
  TRY("vhangup", vhangup());
  TRY("lookup_dcookie", syscall(SYS_lookup_dcookie, 0, NULL, 0));
  TRY("TIOCSTI", ioctl(0, TIOCSTI, "x"));
  TRY("TIOCLINUX", ioctl(0, TIOCLINUX, "\2"));
}

static void files(void) {
  mkdir("/x", 0755);
  TRY("trusted.overlay.opaque", setxattr("/x", "trusted.overlay.opaque", "y", 1, 0));
  TRY("trusted.overlay.redirect", setxattr("/x", "trusted.overlay.redirect", "/etc", 4, 0));
  TRY("user.overlay.redirect", setxattr("/x", "user.overlay.redirect", "/etc", 4, 0));
  TRY("security.ima", setxattr("/x", "security.ima", "x", 1, 0));
  TRY("a whiteout by mknod", mknod("/x/whiteout", S_IFCHR, 0));
  TRY("immutable", ioctl(open("/x", O_RDONLY), 0x40086602, &(long){0x10}));
  const int big = open("/x/big", O_CREAT | O_RDWR, 0600);
  TRY("a file of 2^62 bytes", ftruncate(big, 1L << 62));
  rmdir("/x");
  unlink("/x/whiteout"), unlink("/x/big"), rmdir("/x"), rmdir("/m");
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  setbuf(stdout, NULL);
  descriptors(argv[2]);
  writes();
  reads();
  mounts();
  namespaces();
  processes(atoi(argv[1]));
  handles();
  sockets();
  ipc();
  privileges();
  files();
  return 0;
}
