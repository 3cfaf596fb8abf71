@main struct SkerryCommand { static func main() {} }
