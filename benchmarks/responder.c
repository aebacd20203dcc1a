/* A cheap board on a pseudo-terminal, or many of them: answers every line, and notes how late the host was.

   responder FOLDER MACHINE...     MACHINE = NAME:grbl|marlin:RX_BYTES:BLOCK_US

   Each machine is the link FOLDER/NAME. BLOCK_US is how long one move lasts in a planner of 15 blocks; a line is then
   acknowledged when the planner takes it, as firmware does. 0: every line is acknowledged at once. Moves that come
   after the planner ran dry are counted as starvation.

   "report\n" on standard input prints one line of JSON: `lines` and `resends` since the start, everything else since
   the last report. Times are CLOCK_MONOTONIC. End of input ends the program. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { PLANNER_BLOCKS = 15, COMMAND_SLOTS = 4, QUEUE_BYTES = 65536, OUT_BYTES = 65536, HOLDS = 256, MACHINES = 256 };
enum { GAP_BUCKETS = 200000 }; /* of a microsecond; the last one holds all that is longer */
enum { RECENT_NS = 20000000 };
enum kind { GRBL, MARLIN };

static const char BANNER[] = "\r\nGrbl 1.1h ['$' for help]\r\n";
static const char FIRMWARE[] =
    "FIRMWARE_NAME:Marlin 2.1.2 PROTOCOL_VERSION:1.0 MACHINE_TYPE:Bench EXTRUDER_COUNT:1 "
    "UUID:00000000-0000-4000-8000-%012d\nCap:AUTOREPORT_TEMP:1\nCap:EMERGENCY_PARSER:0\nok\n";
static const char TEMPERATURES[] = "ok T:200.0 /200.0 B:60.0 /60.0 @:0 B@:0\n";

struct machine {
    int fd, index;
    enum kind kind;
    char name[64];
    int rx_bytes;
    int64_t block_ns;
    /* What was received and not yet acknowledged. */
    char queue[QUEUE_BYTES];
    int queued;
    char out[OUT_BYTES];
    int out_bytes;
    /* The planner: so many blocks, the oldest of which ends then. */
    int blocks;
    int64_t head_ends_ns, dry_since_ns;
    int held, checking, stuffed; /* stuffed: the host does not read, and output waits */
    long number;
    double at_mm[3];
    /* For the report. */
    int64_t acked_ns, moved_ns;
    int64_t lines;
    long resends, starved, overruns;
    int64_t dry_ns;
    int64_t holds_ns[HOLDS];
    int holds;
};

static struct machine *machines[MACHINES];
static int machine_count, epoll_fd, timer_fd;
static uint32_t gaps[GAP_BUCKETS];
static int64_t longest_gap_ns;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void say(struct machine *m, const char *text, int bytes) {
    if (m->out_bytes + bytes > OUT_BYTES) die("the host does not read");
    memcpy(m->out + m->out_bytes, text, bytes);
    m->out_bytes += bytes;
}

static void say_text(struct machine *m, const char *text) { say(m, text, strlen(text)); }

/* ---- the planner ------------------------------------------------------------------------------------------------ */

static void pass_time(struct machine *m, int64_t now) {
    while (!m->held && m->blocks && m->head_ends_ns <= now) {
        m->blocks--;
        if (m->blocks) m->head_ends_ns += m->block_ns;
        else m->dry_since_ns = m->head_ends_ns;
    }
}

/* Where a move ends: absolute, in millimetres. */
static void go(struct machine *m, const char *line) {
    for (; *line; line++)
        if (*line >= 'X' && *line <= 'Z') m->at_mm[*line - 'X'] = atof(line + 1);
}

static void plan(struct machine *m, const char *line, int64_t at) {
    m->lines++;
    go(m, line);
    m->moved_ns = at;
    if (!m->block_ns) return;
    if (!m->blocks) {
        if (m->dry_since_ns && at > m->dry_since_ns) {
            m->starved++;
            m->dry_ns += at - m->dry_since_ns;
        }
        m->head_ends_ns = at + m->block_ns;
    }
    m->blocks++;
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

static int is_move(const char *line) {
    if (*line == 'X' || *line == 'Y' || *line == 'Z') return 1;
    return line[0] == 'G' && line[1] >= '0' && line[1] <= '3' && !(line[2] >= '0' && line[2] <= '9');
}

static int waits_for_rest(const char *line) { return !strncmp(line, "G4", 2) || !strncmp(line, "M400", 4); }

static void answer_grbl(struct machine *m, const char *line) {
    char text[128];
    if (!strcmp(line, "$I")) {
        snprintf(text, sizeof text, "[VER:1.1h.20190830:bench-%d]\r\n[OPT:V,15,%d]\r\n", m->index, m->rx_bytes);
        say_text(m, text);
    } else if (!strcmp(line, "$G")) {
        say_text(m, "[GC:G1 G54 G17 G21 G90 G94 M5 M9 T0 F1000 S0]\r\n");
    } else if (!strcmp(line, "$$")) {
        say_text(m, "$10=1\r\n$13=0\r\n$20=0\r\n$21=0\r\n$22=0\r\n$30=10000\r\n$31=0\r\n$32=0\r\n");
        say_text(m, "$100=80.000\r\n$101=80.000\r\n$102=80.000\r\n$110=20000.000\r\n$111=20000.000\r\n");
        say_text(m, "$112=20000.000\r\n$120=2000.000\r\n$121=2000.000\r\n$122=2000.000\r\n");
        say_text(m, "$130=1000.000\r\n$131=1000.000\r\n$132=1000.000\r\n");
    } else if (!strcmp(line, "$#")) {
        say_text(m, "[G54:0.000,0.000,0.000]\r\n[G92:0.000,0.000,0.000]\r\n[TLO:0.000]\r\n[PRB:0.000,0.000,0.000:0]\r\n");
    } else if (!strcmp(line, "$C")) {
        m->checking = !m->checking;
        say_text(m, m->checking ? "[MSG:Enabled]\r\n" : "[MSG:Disabled]\r\nok\r\n");
        if (!m->checking) {
            say_text(m, BANNER);
            return;
        }
    } else if (line[0] == '$' && strcmp(line, "$X") && strcmp(line, "$H") && line[1] != 'N') {
        say_text(m, "error:3\r\n");
        return;
    }
    say(m, "ok\r\n", 4);
}

/* The command inside `N1 G1 X2*3`, or NULL if it was refused and asked for again. */
static char *unframed(struct machine *m, char *line) {
    if (*line != 'N') {
        if (!strncmp(line, "M110 N", 6)) m->number = atol(line + 6);
        return line;
    }
    char *command, *star = strrchr(line, '*');
    long number = strtol(line + 1, &command, 10);
    unsigned char sum = 0;
    while (*command == ' ') command++;
    for (char *byte = line; star && byte < star; byte++) sum ^= *byte;
    int counts = strncmp(command, "M110", 4) != 0;
    if (!star || atoi(star + 1) != sum || (counts && number != m->number + 1)) {
        char text[96];
        snprintf(text, sizeof text, "Error:Line Number is not Last Line Number+1, Last Line: %ld\nResend: %ld\nok\n",
                 m->number, m->number + 1);
        say_text(m, text);
        m->resends++;
        return NULL;
    }
    *star = 0;
    m->number = number;
    char *inner = counts ? NULL : strchr(command + 4, 'N');
    if (inner) m->number = atol(inner + 1);
    return command;
}

static void answer_marlin(struct machine *m, const char *line) {
    if (!strncmp(line, "M105", 4)) {
        say(m, TEMPERATURES, sizeof TEMPERATURES - 1);
    } else if (!strncmp(line, "M115", 4)) {
        char text[512];
        snprintf(text, sizeof text, FIRMWARE, m->index);
        say_text(m, text);
    } else if (!strncmp(line, "M114", 4)) {
        say_text(m, "X:0.00 Y:0.00 Z:0.00 E:0.00 Count X:0 Y:0 Z:0\nok\n");
    } else if (*line) {
        say(m, "ok\n", 3);
    }
}

/* The next line may be taken at this time; -1: not before something else happens. */
static int64_t takes_at(struct machine *m, const char *command, int64_t now) {
    if (m->held) return -1;
    if (!m->blocks) return now;
    if (waits_for_rest(command)) return m->head_ends_ns + (m->blocks - 1) * m->block_ns;
    return m->blocks < PLANNER_BLOCKS ? now : m->head_ends_ns;
}

static const char *peek(const char *line) {
    if (*line != 'N') return line;
    while (*line && *line != ' ') line++;
    return *line ? line + 1 : line;
}

/* Take what may be taken by now. */
static void work(struct machine *m, int64_t now) {
    int taken = 0;
    while (taken < m->queued) {
        char *line = m->queue + taken, *end = memchr(line, '\n', m->queued - taken);
        if (!end) break;
        char *tail = end;
        if (tail > line && tail[-1] == '\r') tail--;
        *tail = 0;
        int64_t at = takes_at(m, peek(line), now);
        if (at < 0 || at > now) {
            *tail = tail == end ? '\n' : '\r';
            break;
        }
        pass_time(m, at);
        taken = end + 1 - m->queue;
        char *command = m->kind == MARLIN ? unframed(m, line) : line;
        if (!command) continue;
        if (is_move(command) && !m->checking) plan(m, command, at);
        if (waits_for_rest(command)) m->dry_since_ns = 0; /* it was meant to run dry */
        if (m->kind == GRBL) answer_grbl(m, command);
        else answer_marlin(m, command);
    }
    m->queued -= taken;
    memmove(m->queue, m->queue + taken, m->queued);
}

/* ---- bytes ------------------------------------------------------------------------------------------------------ */

static void report_status(struct machine *m, int64_t now) {
    char text[160];
    pass_time(m, now);
    int running = m->blocks || now - m->moved_ns < RECENT_NS;
    snprintf(text, sizeof text, "<%s|MPos:%.3f,%.3f,%.3f|Bf:%d,%d|FS:0,0>\r\n",
             m->held ? "Hold:0" : running ? "Run" : "Idle", m->at_mm[0], m->at_mm[1], m->at_mm[2], PLANNER_BLOCKS - m->blocks, m->rx_bytes - m->queued);
    say_text(m, text);
}

static int realtime(struct machine *m, unsigned char byte, int64_t now) {
    switch (byte) {
    case '?':
        report_status(m, now);
        return 1;
    case '!':
        if (m->holds < HOLDS) m->holds_ns[m->holds++] = now;
        pass_time(m, now);
        m->held = 1;
        return 1;
    case '~':
        /* The planner stood still meanwhile; what is left of it begins anew, and that is nobody's starvation. */
        if (m->held && m->blocks) m->head_ends_ns = now + m->block_ns;
        m->dry_since_ns = 0;
        m->held = 0;
        return 1;
    case 0x18:
        m->queued = m->blocks = m->held = m->checking = 0;
        m->dry_since_ns = m->acked_ns = 0;
        say_text(m, BANNER);
        return 1;
    }
    return byte > 0x7F;
}

/* Marlin takes so many lines out of its receive buffer before it works on them. */
static void count_overrun(struct machine *m) {
    const char *rest = m->queue, *end = m->queue + m->queued;
    for (int slot = 0; m->kind == MARLIN && slot < COMMAND_SLOTS; slot++) {
        const char *newline = memchr(rest, '\n', end - rest);
        if (!newline) return;
        rest = newline + 1;
    }
    if (end - rest > m->rx_bytes) m->overruns++;
}

static void take_in(struct machine *m, const char *chunk, int bytes, int64_t now) {
    int before = m->queued;
    if (m->queued + bytes > QUEUE_BYTES) die("the host sends without end");
    if (m->kind == MARLIN) {
        memcpy(m->queue + m->queued, chunk, bytes);
        m->queued += bytes;
    } else {
        for (int i = 0; i < bytes; i++)
            if (!realtime(m, chunk[i], now)) m->queue[m->queued++] = chunk[i];
    }
    if (m->queued > m->rx_bytes) count_overrun(m);
    if (m->queued > before && m->acked_ns) {
        int64_t gap = now - m->acked_ns;
        int64_t bucket = gap / 1000;
        gaps[bucket < GAP_BUCKETS ? bucket : GAP_BUCKETS - 1]++;
        if (gap > longest_gap_ns) longest_gap_ns = gap;
        m->acked_ns = 0;
    }
}

static void flush(struct machine *m, int acknowledges) {
    int64_t now = now_ns();
    int sent = m->out_bytes ? write(m->fd, m->out, m->out_bytes) : 0;
    if (sent < 0 && errno != EAGAIN) die(m->name);
    if (sent > 0) {
        m->out_bytes -= sent;
        memmove(m->out, m->out + sent, m->out_bytes);
    }
    if (acknowledges && !m->acked_ns) m->acked_ns = now;
    if (m->stuffed != (m->out_bytes > 0)) {
        m->stuffed = m->out_bytes > 0;
        struct epoll_event wanted = {.events = EPOLLIN | (m->stuffed ? EPOLLOUT : 0), .data.ptr = m};
        epoll_ctl(epoll_fd, EPOLL_CTL_MOD, m->fd, &wanted);
    }
}

static void serve(struct machine *m, int readable) {
    char chunk[16384];
    int64_t now = now_ns();
    int bytes = readable ? read(m->fd, chunk, sizeof chunk) : 0;
    if (bytes < 0 && errno != EAGAIN) die(m->name);
    if (bytes > 0) take_in(m, chunk, bytes, now);
    int before = m->queued;
    work(m, now);
    flush(m, m->queued < before);
}

/* ---- report ----------------------------------------------------------------------------------------------------- */

static double gap_ms(double share, uint64_t count) {
    uint64_t seen = 0;
    for (int bucket = 0; bucket < GAP_BUCKETS; bucket++) {
        seen += gaps[bucket];
        if (count && seen >= share * count) return bucket == GAP_BUCKETS - 1 ? longest_gap_ns / 1e6 : (bucket + 1) / 1e3;
    }
    return 0;
}

static void report(void) {
    uint64_t count = 0;
    for (int bucket = 0; bucket < GAP_BUCKETS; bucket++) count += gaps[bucket];
    printf("{\"now_s\": %.6f, \"gaps\": %lu, \"gap_p50_ms\": %.3f, \"gap_p99_ms\": %.3f, \"gap_max_ms\": %.3f, ",
           now_ns() / 1e9, (unsigned long)count, gap_ms(0.5, count), gap_ms(0.99, count), longest_gap_ns / 1e6);
    printf("\"machines\": {");
    for (int i = 0; i < machine_count; i++) {
        struct machine *m = machines[i];
        printf("%s\"%s\": {\"lines\": %ld, \"resends\": %ld, \"starved\": %ld, \"dry_s\": %.4f, \"overruns\": %ld, \"holds_s\": [",
               i ? ", " : "", m->name, (long)m->lines, m->resends, m->starved, m->dry_ns / 1e9, m->overruns);
        for (int k = 0; k < m->holds; k++) printf("%s%.6f", k ? ", " : "", m->holds_ns[k] / 1e9);
        printf("]}");
        m->starved = m->overruns = m->holds = 0;
        m->dry_ns = 0;
    }
    printf("}}\n");
    fflush(stdout);
    memset(gaps, 0, sizeof gaps);
    longest_gap_ns = 0;
}

/* ---- the program ------------------------------------------------------------------------------------------------ */

static void add_machine(const char *folder, const char *spec) {
    struct machine *m = calloc(1, sizeof *m);
    char kind[16], path[4096];
    long block_us;
    if (!m || machine_count == MACHINES) die("too many machines");
    if (sscanf(spec, "%63[^:]:%15[^:]:%d:%ld", m->name, kind, &m->rx_bytes, &block_us) != 4) die(spec);
    m->kind = strcmp(kind, "grbl") ? MARLIN : GRBL;
    m->block_ns = block_us * 1000;
    m->index = machine_count;
    m->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (m->fd < 0 || grantpt(m->fd) || unlockpt(m->fd)) die("posix_openpt");
    /* Kept open, so that a host may come and go. */
    int slave = open(ptsname(m->fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios raw;
    if (slave < 0 || tcgetattr(slave, &raw)) die("the far end of the pseudo-terminal");
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    snprintf(path, sizeof path, "%s/%s", folder, m->name);
    unlink(path);
    if (symlink(ptsname(m->fd), path)) die(path);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = m};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, m->fd, &wanted);
    machines[machine_count++] = m;
}

/* Ring when the next line becomes due in any planner. */
static void set_timer(int64_t now) {
    int64_t next = 0;
    for (int i = 0; i < machine_count; i++) {
        struct machine *m = machines[i];
        if (!m->block_ns || !m->queued || m->held || !m->blocks) continue;
        int64_t due = m->head_ends_ns <= now ? now + 1 : m->head_ends_ns;
        if (!next || due < next) next = due;
    }
    static int64_t set;
    if (next == set) return;
    set = next;
    struct itimerspec when = {.it_value = {.tv_sec = next / 1000000000LL, .tv_nsec = next % 1000000000LL}};
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static int obey(void) {
    char words[256];
    int bytes = read(0, words, sizeof words);
    for (int i = 0; i < bytes; i++)
        if (words[i] == '\n') report();
    return bytes > 0;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: responder FOLDER NAME:grbl|marlin:RX_BYTES:BLOCK_US...\n");
        return 64;
    }
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event command = {.events = EPOLLIN, .data.ptr = &epoll_fd}, timer = {.events = EPOLLIN, .data.ptr = &timer_fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, 0, &command);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &timer);
    for (int i = 2; i < argc; i++) add_machine(argv[1], argv[i]);
    printf("ready\n");
    fflush(stdout);
    struct epoll_event events[64];
    for (;;) {
        int count = epoll_wait(epoll_fd, events, 64, -1);
        for (int i = 0; i < count; i++) {
            uint64_t rings;
            if (events[i].data.ptr == &epoll_fd) {
                if (!obey()) return 0;
            } else if (events[i].data.ptr == &timer_fd) {
                if (read(timer_fd, &rings, sizeof rings) < 0) continue;
                int64_t now = now_ns();
                for (int k = 0; k < machine_count; k++)
                    if (machines[k]->queued && machines[k]->blocks && machines[k]->head_ends_ns <= now) serve(machines[k], 0);
            } else {
                serve(events[i].data.ptr, events[i].events & EPOLLIN);
            }
        }
        set_timer(now_ns());
    }
}
