/*
 * test_wan.c: the network in a box does what was asked of it: round trips and rates as measured
 * from inside, order, loss, stalls, and nothing left behind.
 */
#include "tests/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "src/wan.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct wan_conf two(double delay_ms, double mbit)
{
    struct wan_conf c = { .nodes = 2, .seed = 1 };
    c.delay_ms[0][1] = c.delay_ms[1][0] = delay_ms;
    c.mbit[0] = c.mbit[1] = mbit;
    return c;
}

static struct sockaddr_in at(const struct wan *w, unsigned node)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7000) };
    inet_pton(AF_INET, wan_address(w, node), &a.sin_addr);
    return a;
}

/* A socket of a node, bound there. */
static int node_socket(const struct wan *w, unsigned node, int type)
{
    struct sockaddr_in a = at(w, node);
    int one = 1, s = -1;
    if (wan_enter(w, node) == 0)
        s = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (wan_leave(w) != 0 || s < 0)
        return -1;
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    return bind(s, (struct sockaddr *)&a, sizeof a) == 0 ? s : -1;
}

/* Seconds that n datagrams take there and back, one after another: the median. */
static double round_trip(const struct wan *w)
{
    enum { N = 9 };
    int a = node_socket(w, 0, SOCK_DGRAM), b = node_socket(w, 1, SOCK_DGRAM);
    struct sockaddr_in to = at(w, 1);
    double t[N];
    for (int i = 0; i < N; i++) {
        char c = 'x';
        struct sockaddr_in from;
        socklen_t n = sizeof from;
        double start = now();
        if (sendto(a, &c, 1, 0, (struct sockaddr *)&to, sizeof to) != 1 ||
            recvfrom(b, &c, 1, 0, (struct sockaddr *)&from, &n) != 1 ||
            sendto(b, &c, 1, 0, (struct sockaddr *)&from, n) != 1 || recv(a, &c, 1, 0) != 1)
            return -1;
        t[i] = now() - start;
        for (int k = i; k > 0 && t[k] < t[k - 1]; k--) {
            double swap = t[k];
            t[k] = t[k - 1];
            t[k - 1] = swap;
        }
    }
    close(a);
    close(b);
    return t[N / 2];
}

static void send_for(int s, double seconds)
{
    static char block[1 << 18];
    for (double end = now() + seconds; now() < end;)
        if (write(s, block, sizeof block) <= 0)
            break;
    shutdown(s, SHUT_WR);
}

/* Mbit/s of one connection from node 0 to node 1, once it is under way; checks what comes. */
static double throughput(const struct wan *w, double seconds, unsigned *rtt_ms)
{
    static char block[1 << 18];
    int server = node_socket(w, 1, SOCK_STREAM), s = node_socket(w, 0, SOCK_STREAM);
    struct sockaddr_in to = at(w, 1);
    if (listen(server, 1) != 0 || connect(s, (struct sockaddr *)&to, sizeof to) != 0)
        return -1;
    setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);      /* it would fill any queue */
    pid_t sender = fork();
    if (sender == 0) {
        struct tcp_info info = { 0 };
        socklen_t size = sizeof info;
        send_for(s, seconds);
        getsockopt(s, IPPROTO_TCP, TCP_INFO, &info, &size);
        _exit(info.tcpi_rtt < 2500000 ? (int)(info.tcpi_rtt / 10000) : 250);
    }
    close(s);
    int c = accept(server, NULL, NULL);
    double bytes = 0, begun = now(), from = 0, last = 0;
    for (ssize_t n; (n = read(c, block, sizeof block)) > 0;) {
        last = now();
        if (from > 0)
            bytes += (double)n;
        else if (last - begun > seconds * 0.4)
            from = last;
    }
    int status;
    waitpid(sender, &status, 0);
    *rtt_ms = 10 * WEXITSTATUS(status);
    close(c);
    close(server);
    return bytes * 8e-6 / (last - from);
}

/* Round trip of ways that take so long each. A machine that does other things may add to it: what
 * is printed says how much. */
static void check_delay(double delay_ms)
{
    struct err e;
    struct wan_conf c = two(delay_ms, 0);
    struct wan *w = wan_open(&c, &e);
    double rtt = round_trip(w) * 1e3;
    printf("# asked for %.1f ms there and back, got %.2f ms\n", 2 * delay_ms, rtt);
    CHECK(rtt >= 2 * delay_ms && rtt < 2 * delay_ms + 20);
    wan_close(w);
}

static void ten_and_hundred_milliseconds(void)
{
    check_delay(5);
    check_delay(50);
}

/* What one connection carries; headers take some 4 %. */
static void check_rate(double mbit, double least)
{
    struct err e;
    struct wan_conf c = two(20, mbit);
    struct wan *w = wan_open(&c, &e);
    unsigned rtt_ms;
    double got = throughput(w, 1.6, &rtt_ms);
    printf("# asked for %.0f Mbit/s at 40 ms, one connection carries %.1f, at %u ms\n", mbit, got,
           rtt_ms);
    CHECK(rtt_ms < 300);        /* what it sends does not pile up before the line */
    CHECK(got > least * mbit && got <= 1.01 * mbit);
    wan_close(w);
}

static void a_hundred_megabits(void)
{
    check_rate(100, 0.6);
}

static void nearly_a_gigabit(void)
{
    check_rate(900, 0.3);
}

/* Counts datagrams that come: *once: none came twice; how many another had overtaken. */
static int count_datagrams(int b, int sent, uint8_t *seen, int *once, int *overtaken)
{
    struct pollfd p = { .fd = b, .events = POLLIN };
    int came = 0, last = -1;
    *once = 1;
    *overtaken = 0;
    for (int i; poll(&p, 1, 200) == 1 && recv(b, &i, sizeof i, 0) == sizeof i; came++) {
        *once &= i >= 0 && i < sent && !seen[i];
        if (*once)
            seen[i] = 1;
        *overtaken += i < last;
        last = i > last ? i : last;
    }
    return came;
}

static void check_loss(double loss, double reorder)
{
    enum { N = 3000 };
    struct err e;
    struct wan_conf c = two(1, 0);
    c.loss = loss;
    c.reorder = reorder;
    struct wan *w = wan_open(&c, &e);
    int a = node_socket(w, 0, SOCK_DGRAM), b = node_socket(w, 1, SOCK_DGRAM);
    int size = 4 << 20, once, overtaken;
    uint8_t seen[N] = { 0 };
    struct sockaddr_in to = at(w, 1);
    setsockopt(b, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    for (int i = 0; i < N; i++) {
        sendto(a, &i, sizeof i, 0, (struct sockaddr *)&to, sizeof to);
        usleep(20);
    }
    int came = count_datagrams(b, N, seen, &once, &overtaken);
    double share = 1 - (double)came / N;
    printf("# %.2f%% lost of %.2f%%; %d of %d overtaken of %.1f%%\n", share * 100, loss * 100,
           overtaken, N, reorder * 100);
    CHECK(once);
    CHECK(share >= loss * 0.5 && share <= loss * 1.7);
    CHECK(reorder > 0 ? overtaken > N * reorder * 0.5 : overtaken == 0);
    close(a);
    close(b);
    wan_close(w);
}

/* What a node sends may be slower than what it receives, and the other way round. */
static void a_rate_for_each_direction(void)
{
    struct err e;
    for (int down = 0; down < 2; down++) {
        struct wan_conf c = two(5, 800);        /* node 0 sends */
        c.mbit[0] = down ? 800 : 80;
        c.mbit_in[0] = 800;
        c.mbit_in[1] = down ? 80 : 800;
        struct wan *w = wan_open(&c, &e);
        unsigned rtt_ms;
        double got = throughput(w, 1, &rtt_ms);
        printf("# asked for 80 Mbit/s %s and 800 else, one connection carries %.1f\n",
               down ? "in" : "out", got);
        CHECK(got > 48 && got <= 81);
        wan_close(w);
    }
}

/* In every 100 ms the link stands still for 60: of datagrams at all times some go at once, and some
 * wait for nearly as long. */
static void a_link_that_stands_still(void)
{
    struct err e;
    struct wan_conf c = two(1, 0);
    c.stall_ms = 60;
    c.stall_every_ms = 100;
    c.stall_node = 1;
    struct wan *w = wan_open(&c, &e);
    int a = node_socket(w, 0, SOCK_DGRAM), b = node_socket(w, 1, SOCK_DGRAM);
    struct sockaddr_in to = at(w, 1);
    double longest = 0, shortest = 1;
    for (int i = 0; i < 60; i++) {
        char x = 'x';
        double start = now();
        CHECK(sendto(a, &x, 1, 0, (struct sockaddr *)&to, sizeof to) == 1 &&
              recv(b, &x, 1, 0) == 1);
        double took = now() - start;
        longest = took > longest ? took : longest;
        shortest = took < shortest ? took : shortest;
        usleep(7000);
    }
    printf("# a way of 1 ms that stands still 60 ms of 100 took %.1f to %.1f ms\n", shortest * 1e3,
           longest * 1e3);
    CHECK(shortest < 0.02);
    CHECK(longest > 0.03 && longest < 0.2);
    close(a);
    close(b);
    wan_close(w);
}

static void loss_as_asked(void)
{
    check_loss(0, 0);
    check_loss(0.01, 0);
}

static void order_as_asked(void)
{
    check_loss(0, 0.05);
}

static void a_stalled_way_keeps_what_comes(void)
{
    struct err e;
    struct wan_conf c = two(2, 0);
    struct wan *w = wan_open(&c, &e);
    int a = node_socket(w, 0, SOCK_DGRAM), b = node_socket(w, 1, SOCK_DGRAM);
    struct sockaddr_in to = at(w, 1);
    struct pollfd p = { .fd = b, .events = POLLIN };
    wan_stall(w, 0, 1, 1);
    CHECK_EQ(sendto(a, "x", 1, 0, (struct sockaddr *)&to, sizeof to), 1);
    CHECK_EQ(poll(&p, 1, 100), 0);
    wan_stall(w, 0, 1, 0);
    CHECK_EQ(poll(&p, 1, 100), 1);
    close(a);
    close(b);
    wan_close(w);
}

static void refusals(void)
{
    struct err e;
    struct wan_conf c = two(1, 0);
    c.nodes = WAN_NODES + 1;
    CHECK(wan_open(&c, &e) == NULL && e.code == ERR_USAGE);
    c = two(-1, 0);
    CHECK(wan_open(&c, &e) == NULL && e.code == ERR_USAGE);
    c = two(1, 0);
    c.stall_ms = c.stall_every_ms = 5;
    CHECK(wan_open(&c, &e) == NULL && e.code == ERR_USAGE);
}

int main(void)
{
    struct err e;
    struct wan_conf c = two(0, 0);
    struct wan *w = wan_open(&c, &e);
    CASE(refusals);
    if (w == NULL) {
        check_skip("networks in a box", e.text);
        return check_done();
    }
    wan_close(w);
    CASE(ten_and_hundred_milliseconds);
    CASE(a_hundred_megabits);
    CASE(nearly_a_gigabit);
    CASE(a_rate_for_each_direction);
    CASE(a_link_that_stands_still);
    CASE(loss_as_asked);
    CASE(order_as_asked);
    CASE(a_stalled_way_keeps_what_comes);
    return check_done();
}
