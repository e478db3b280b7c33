package rucio_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// Whether the server is there, needs no login.
func ExampleClient_Ping() {
	c, _ := connect()
	server, err := c.Ping(context.Background())
	check(err)
	fmt.Println(server.Version != "")
	// Output:
	// true
}

// The account that the client acts as.
func ExampleClient_Whoami() {
	c, _ := connect()
	me, err := c.Whoami(context.Background())
	check(err)
	fmt.Println(me.Account, me.Status)
	// Output:
	// root ACTIVE
}

// A limit bounds what an account may have on an RSE, in bytes.
func ExampleClient_SetLocalAccountLimit() {
	ctx := context.Background()
	c, unique := connect()
	account := unique("user")
	email := account + "@example.org"
	check(c.AddAccount(ctx, account, "USER", &email))
	check(c.SetLocalAccountLimit(ctx, account, "MOCK1", 1_000_000_000))
	limits, err := c.GetLocalAccountLimits(ctx, account)
	check(err)
	var byRSE map[string]int64
	check(limits.Decode(&byRSE))
	fmt.Println(byRSE["MOCK1"])
	check(c.DeleteAccount(ctx, account))
	// Output:
	// 1000000000
}

// Scopes belong to accounts.
func ExampleClient_AddScope() {
	ctx := context.Background()
	c, unique := connect()
	scope := unique("user.root")
	check(c.AddScope(ctx, "root", scope))
	scopes, err := c.ListScopesForAccount(ctx, "root")
	check(err)
	fmt.Println(slices.Contains(scopes, scope))
	// Output:
	// true
}

// Options of the server are grouped in sections.
func ExampleClient_GetConfig() {
	ctx := context.Background()
	c, unique := connect()
	section := unique("example")
	check(c.SetConfigOption(ctx, section, "answer", 42, nil))
	options, err := c.GetConfig(ctx, &rucio.GetConfigOptions{Section: section})
	check(err)
	fmt.Printf("%s\n", options.JSON())
	check(c.DeleteConfigSection(ctx, section))
	// Output:
	// {"answer":42}
}

// A subscription makes rules for new DIDs that match a filter.
func ExampleClient_ListSubscriptions() {
	ctx := context.Background()
	c, _ := connect()
	for s, err := range c.ListSubscriptions(ctx, &rucio.ListSubscriptionsOptions{Name: "sub.raw"}) {
		check(err)
		fmt.Println(s.Name, s.Account)
	}
	// Output:
	// sub.raw root
}
